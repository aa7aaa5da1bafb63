// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

import "strconv"

// Held says in one line why no backup of the cluster can be made now. It returns
// an empty text if one can. While it says why, runs end as held, and so do the
// schedules of the cluster.
func (o Operation) Held() string {
	switch {
	case o.Standby:
		return "spec.standby is set: a standby cluster has no primary; back up the cluster that it follows"
	case o.ScaledToZero:
		return "spec.numberOfInstances is 0: there is nothing to back up"
	case o.Restoring:
		return "the cluster is being restored: spec.backup.pgbackrest.restore.id is not yet in status.RestoreID"
	}
	return ""
}

// operation reads what concerns the cluster as a whole. A field that cannot be
// read holds no run: the pods will show what is wrong.
func operation(object map[string]any) Operation {
	spec, _ := object["spec"].(map[string]any)
	status, _ := object["status"].(map[string]any)
	return Operation{
		Standby:      isObject(spec["standby"]),
		ScaledToZero: isZero(spec["numberOfInstances"]),
		Restoring:    restoring(spec, status),
		Restored:     text(status["RestoreID"]),
		Status:       text(status["PostgresClusterStatus"]),
		Encrypted:    encrypted(spec["tde"]),
	}
}

// restoring reports whether CPO is restoring the cluster or is about to, as far as
// the resource shows it. CPO restores once for each id that is not yet in the status,
// and writes it there when the restore is done. Without CPO there is no status, and
// no restore.
//
// PostgresClusterStatus is not asked: it says UpdateFailed while a restore is
// pending, and may say Restoring long after it. If restore is removed from the spec,
// CPO continues, and only the ConfigMap of RestoreConfigMapName shows it.
func restoring(spec, status map[string]any) bool {
	if text(status["PostgresClusterStatus"]) == "" {
		return false
	}
	backup, _ := spec["backup"].(map[string]any)
	section, _ := backup["pgbackrest"].(map[string]any)
	asked := restoreOf(section).ID
	return asked != "" && asked != text(status["RestoreID"])
}

// restoreOf reads what CPO is asked to restore. A field that cannot be read is
// CPO's to report.
func restoreOf(section map[string]any) Restore {
	restore, _ := section["restore"].(map[string]any)
	return Restore{ID: text(restore["id"]), Repo: text(restore["repo"])}
}

// protected reads protection.restore.
func protected(configuration map[string]any) bool {
	protection, _ := configuration["protection"].(map[string]any)
	restore, _ := protection["restore"].(bool)
	return restore
}

// text is empty for anything but a text.
func text(value any) string {
	t, _ := value.(string)
	return t
}

func isObject(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

// isZero reports whether a JSON number is 0. Decoders return int64 or float64.
func isZero(value any) bool {
	switch n := value.(type) {
	case int64:
		return n == 0
	case float64:
		return n == 0
	}
	return false
}

// version reads spec.postgresql.version, which the CRD of CPO holds as a text. A number
// is read, too: without the CRD of CPO nothing refuses it.
func version(spec map[string]any) string {
	section, _ := spec["postgresql"].(map[string]any)
	switch v := section["version"].(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// encrypted reports whether spec.tde is enabled, or says something that cannot be read.
func encrypted(tde any) bool {
	section, ok := tde.(map[string]any)
	if !ok {
		return tde != nil
	}
	enable, isBool := section["enable"].(bool)
	return enable || !isBool && section["enable"] != nil
}
