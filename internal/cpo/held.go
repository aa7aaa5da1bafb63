// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package cpo

// statusRestoring is CPO's word in status.PostgresClusterStatus, cpo.md §2.
const statusRestoring = "Restoring"

// Held says in one line why no backup of the cluster can be made now, empty when
// one can. A run then ends as held, and the schedules of the cluster are held.
func (o Operation) Held() string {
	switch {
	case o.Standby:
		return "spec.standby is set: a standby cluster has no primary, back up the cluster that it follows"
	case o.ScaledToZero:
		return "spec.numberOfInstances is 0: there is nothing to back up"
	case o.Restoring:
		return "the cluster is being restored"
	}
	return ""
}

// operation reads what concerns the cluster as a whole. What cannot be read here
// holds nothing: the pods will tell.
func operation(object map[string]any) Operation {
	spec, _ := object["spec"].(map[string]any)
	status, _ := object["status"].(map[string]any)
	return Operation{
		Standby:      isObject(spec["standby"]),
		ScaledToZero: isZero(spec["numberOfInstances"]),
		Restoring:    restoring(spec, status),
	}
}

// restoring: CPO restores for each id that it has not noted in the status. Where
// it does not run, there is no status, and nobody restores.
func restoring(spec, status map[string]any) bool {
	switch status["PostgresClusterStatus"] {
	case nil, "":
		return false
	case statusRestoring:
		return true
	}
	backup, _ := spec["backup"].(map[string]any)
	section, _ := backup["pgbackrest"].(map[string]any)
	restore, _ := section["restore"].(map[string]any)
	wanted, _ := restore["id"].(string)
	done, _ := status["RestoreID"].(string)
	return wanted != "" && wanted != done
}

func isObject(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

// isZero: JSON numbers come as int64 or float64, by who decoded them.
func isZero(value any) bool {
	switch n := value.(type) {
	case int64:
		return n == 0
	case float64:
		return n == 0
	}
	return false
}
