// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate

// s3KeyTypes: of these, only shared has a key, and it stands in the Secret.
var s3KeyTypes = []string{"shared", "auto", "web-id", "pod-id"}

// s3Fields are those of Amazon S3 and of what is compatible with it.
func s3Fields(r repo) []optionField {
	return []optionField{
		{field: fieldResource, option: "s3-bucket", value: r.Resource, required: true},
		{field: fieldEndpoint, option: "s3-endpoint", value: r.Endpoint, required: true},
		{field: fieldRegion, option: "s3-region", value: r.Region, required: true},
		{field: fieldKeyType, option: "s3-key-type", value: r.KeyType},
	}
}

func (t *translation) acceptsS3(r repo) bool {
	unused := t.refusesUnused(r, fieldAccount, fieldKey)
	return t.acceptsOptions(r) && !unused
}
