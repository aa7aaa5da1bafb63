// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
	"github.com/stanzaflow/stanzaflow/internal/translate"
)

// configurationDigest is the digest of the configuration files of
// vocab.TemplateContract.
//
// The steps of an older image translate the resource themselves, and refuse a file
// with other bytes. So if you change the bytes that a resource becomes, raise
// vocab.TemplateContract and the label of the WorkflowTemplate, and write the digest
// that the test prints here. An operator with an older template then says so before
// a run fails.
const configurationDigest = "91f694ececbc094ab3e97a3b3a7458663ef3b7f87c3887397c9e320d59465813"

func TestConfigurationIsOfTheContract(t *testing.T) {
	t.Parallel()
	digest := sha256.New()
	for _, name := range []string{"seed-s3", "pvc-beside-every-storage", "encryption-two-repos", "gcs", "log-path-in-global"} {
		plan := translate.Translate(readCase(t, filepath.Join("testdata", name)))
		if plan.Provision == nil {
			t.Fatalf("case %s has no configuration", name)
		}
		digest.Write([]byte(plan.Provision.ConfigMap.Data[cpo.ConfigFileName]))
		if hostOf(plan) != nil {
			digest.Write([]byte(plan.Provision.RepoHost.ConfigMap.Data[cpo.ConfigFileName]))
		}
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != configurationDigest {
		t.Errorf("the configuration files have changed, their digest is %s: read at configurationDigest what else that changes", got)
	}
}
