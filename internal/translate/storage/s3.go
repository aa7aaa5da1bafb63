// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"slices"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate/problem"
)

// s3 is Amazon S3 and what is compatible with it. Only key type shared has a key,
// and that stands in the Secret.
var s3 = Storage{
	Name: cpo.StorageS3,
	options: []option{
		{field: fieldResource, name: "s3-bucket", required: true},
		{field: fieldEndpoint, name: "s3-endpoint", required: true},
		{field: fieldRegion, name: "s3-region", required: true},
		{field: fieldKeyType, name: s3KeyType},
	},
	keyTypes:   []string{"shared", keyTypeAuto, "web-id", "pod-id"},
	keyType:    s3KeyType,
	identities: []string{keyTypeAuto, "web-id", "pod-id"},
	unused:     []string{fieldAccount, fieldKey},
	bucket:     "s3-bucket",
	server:     s3Server,
	check: func(s Storage, cluster cpo.Postgresql, r Repo) problem.List {
		return slices.Concat(checkUnused(s, r), checkOptions(s, cluster, r))
	},
}

const s3KeyType = "s3-key-type"
