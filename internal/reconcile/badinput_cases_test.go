//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"
	"strings"

	"github.com/stanzaflow/stanzaflow/internal/cpo"
)

// Shorthands of the tables.
type (
	fields = map[string]any
	items  = []any
)

// newSection in a value tries to begin one in pgBackRest's configuration.
const newSection = "x\n[global]\nrepo1-path=/"

// badPostgresqls are written by hand: each is a mistake that somebody could make,
// or an attempt.
func badPostgresqls() []badCase {
	nested := func(depth int) any {
		var value any = "x"
		for range depth {
			value = items{value}
		}
		return value
	}
	repos := func(n int) items {
		all := make(items, n)
		for i := range all {
			all[i] = fields{"name": fmt.Sprintf("repo%d", i%9), "storage": "s3"}
		}
		return all
	}
	entries := func(n int, value string) fields {
		all := fields{}
		for i := range n {
			all[fmt.Sprintf("option-%d", i)] = value
		}
		return all
	}
	huge := strings.Repeat("x", 1<<20)
	full := "repos[0].schedule." + cpo.Full
	return []badCase{
		// What is not an object, or not a list.
		{name: "spec is a text", field: "spec", value: "x"},
		{name: "spec is a list", field: "spec", value: items{"x"}},
		{name: "spec is a number", field: "spec", value: int64(1)},
		{name: "backup is a text", field: "spec.backup", value: "x"},
		{name: "backup is true", field: "spec.backup", value: true},
		{name: "pgbackrest is a list", field: "spec.backup.pgbackrest", value: items{}},
		{name: "pgbackrest is a number", field: "spec.backup.pgbackrest", value: 1.5},
		{name: "pgbackrest is empty", field: "repos", text: "repos names no repo", value: nil},
		{name: "never good: spec is a text", fresh: true, field: "spec", value: "x"},
		{name: "never good: repos is a text", fresh: true, field: "repos", value: "x"},
		{name: "never good: no repos", fresh: true, field: "repos", value: items{}},
		{name: "never good: no such storage", fresh: true, field: "repos[0].storage", value: "ftp"},
		{name: "never good: cipher unreadable", fresh: true, field: "global.repo1-cipher-type", value: items{"aes-256-cbc"}},
		{name: "repos is an object", field: "repos", value: fields{"repo1": fields{}}},
		{name: "repos is empty", field: "repos", value: items{}},
		{name: "a repo is null", field: "repos[0]", value: nil},
		{name: "a repo is a text", field: "repos[0]", value: leaked},
		{name: "ten thousand repos", field: "repos", value: repos(10_000)},
		{name: "twenty thousand empty repos", field: "repos", value: make(items, 20_000)},
		{name: "the same repo twice", field: "repos", text: "repos[1].name repo1 is already named", value: items{
			fields{"name": "repo1", "storage": "s3", "resource": "a", "endpoint": "b", "region": "c"}, fields{"name": "repo1", "storage": "s3"},
		}},
		{name: "global is a list", field: "global", value: items{"repo1-path=/x"}},
		{name: "global is a text", field: "global", value: "[global]\nrepo1-path=/"},
		{name: "ten thousand options", field: "global", value: entries(10_000, "x")},
		{name: "a thousand options of a kilobyte", field: "global", value: entries(1000, strings.Repeat("x", 1000))},
		{name: "schedule is a list", field: "repos[0].schedule", value: items{"0 1 * * *"}},
		{name: "schedule is a text", field: "repos[0].schedule", value: "0 1 * * *"},
		{name: "a thousand schedules", field: "repos[0].schedule", value: entries(1000, "0 1 * * *")},
		{name: "a schedule nested deeply", field: full, value: nested(1000)},
		{name: "an endpoint nested deeply", field: "repos[0].endpoint", value: nested(1000)},
		{name: "configuration is a text", field: "configuration", value: leaked},
		{name: "the Secret is an object", field: "configuration.secret", value: fields{"name": leaked}},

		// Types of backups and cron expressions.
		{name: "an unknown type", field: "repos[0].schedule", value: fields{"full": "30 2 * * *", "incremental": "0 1 * * *"}},
		{name: "a type with a line break", field: "repos[0].schedule", value: fields{"full": "30 2 * * *", "incr\nfull": "0 1 * * *"}},
		{name: "an expression as a type", field: "repos[0].schedule", value: fields{"full": "30 2 * * *", "{{workflow.name}}": "0 1 * * *"}},
		{name: "six fields", field: full, value: "0 30 2 * * *"},
		{name: "four fields", field: full, value: "2 * * *"},
		{name: "only spaces", field: full, value: "     "},
		{name: "a zone", field: full, value: "TZ=Europe/Vienna 30 2 * * *"},
		{name: "a zone and nothing else", field: full, value: "TZ="},
		{name: "a cron zone", field: full, value: "CRON_TZ=../../etc/passwd 30 2 * * *"},
		{name: "an interval", field: full, value: "@every 1h"},
		{name: "an interval of nothing", field: full, value: "@every -1s"},
		{name: "an unknown descriptor", field: full, value: "@reboot"},
		{name: "never fires", field: full, value: "0 0 31 2 *"},
		{name: "minute 60", field: full, value: "60 2 * * *"},
		{name: "a step of zero", field: full, value: "*/0 2 * * *"},
		{name: "a range backwards", field: full, value: "5-1 2 * * *"},
		{name: "a number beyond all", field: full, value: "99999999999999999999 2 * * *"},
		{name: "a floppy disk", field: full, value: "💾 2 * * *"},
		{name: "digits of another script", field: full, value: "٣٠ 2 * * *"},
		{name: "ten kilobytes", field: full, value: strings.Repeat("0,", 5000) + "0 2 * * *"},
		{name: "a megabyte", field: full, value: strings.Repeat("0,", 500_000) + "0 2 * * *"},
		{name: "a line break and a command", field: full, value: "30 2 * * *\n* * * * * root id"},
		{name: "a command", field: full, value: "$(id) 2 * * *"},
		{name: "a null byte", field: full, value: "30 2 * * \x00"},
		{name: "a template in a schedule", field: full, value: "{{workflow.parameters.x}}"},
		{name: "a number as a schedule", field: full, value: int64(30)},

		// Names of repos and storages.
		{name: "repo0", field: "repos[0].name", value: "repo0"},
		{name: "repo01", field: "repos[0].name", value: "repo01"},
		{name: "a repo up the tree", field: "repos[0].name", value: "../repo1"},
		{name: "a repo with an option", field: "repos[0].name", value: "repo1 --force"},
		{name: "a repo with a line break", field: "repos[0].name", value: "repo1\n"},
		{name: "a repo without a name", field: "repos[0].name", value: ""},
		{name: "a name of a megabyte", field: "repos[0].name", value: huge},
		{name: "blob", field: "repos[0].storage", value: "blob"},
		{name: "a storage in capitals", field: "repos[0].storage", value: "S3"},
		{name: "a template as a storage", field: "repos[0].storage", value: "{{=sprig.env('HOME')}}"},
		{name: "posix", field: "repos[0].storage", value: "posix"},

		// What goes into pgBackRest's configuration.
		{name: "a new section by endpoint", field: "repos[0].endpoint", value: newSection},
		{name: "a new option by region", field: "repos[0].region", value: "x\r\nrepo1-type=posix"},
		{name: "a template as a bucket", field: "repos[0].resource", value: "{{workflow.name}}"},
		{name: "a user in the endpoint", field: "repos[0].endpoint", value: "https://admin:" + leaked + "@s3.example.com"},
		{name: "a bucket of spaces", field: "repos[0].resource", value: "   "},
		{name: "a bucket of a megabyte", field: "repos[0].resource", value: huge},
		{name: "a bucket of three kilobytes", field: "repos[0].resource", value: huge[:3000]},
		{name: "a key for s3", field: "repos[0].key", value: leaked},
		{name: "an account for s3", field: "repos[0].account", value: leaked},
		{name: "a type of key in capitals", field: "repos[0].keyType", value: "AUTO"},
		{name: "a new section in an option", field: "global.process-max", value: newSection},
		{name: "an option in an option's value", field: "global.process-max", value: "2\nrepo1-s3-key=" + leaked},
		{name: "an escape sequence", field: "global.process-max", value: "\x1b[31m2"},
		{name: "a null byte in an option", field: "global.process-max", value: "2\x00"},
		{name: "an option without a value", field: "global.process-max", value: ""},
		{name: "an option of a megabyte", field: "global.process-max", value: huge},
		{name: "a number as an option", field: "global.process-max", value: int64(2)},
		{name: "an object as an option", field: "global.process-max", value: fields{"a": leaked}},
		{name: "a template in an option", field: "global.process-max", value: "{{=1+1}}"},
		{name: "a section as an option", field: "global", value: fields{"[db]": "x"}},
		{name: "a line break in the name of an option", field: "global", value: fields{"a\n[db]\npg1-path": "/"}},
		{name: "two dashes before an option", field: "global", value: fields{"--repo1-path": "/"}},
		{name: "an equals sign in the name of an option", field: "global", value: fields{"repo1-path=/x\nb": "/"}},
		{name: "a name of a hundred kilobytes", field: "global", value: fields{strings.Repeat("x", 100_000): "y"}},
		{name: "a credential", field: "global.repo1-s3-key", value: leaked},
		{name: "a credential in other letters", field: "global", value: fields{"REPO1_S3_KEY_SECRET": leaked}},
		{name: "a credential as the name of an option", field: "global", value: fields{leaked + "/x": "y"}},
		{name: "where PostgreSQL is", field: "global.pg1-path", value: "/"},
		{name: "the repo of somebody else", field: "global.repo3-path", value: "/"},
		{name: "an unknown cipher", field: "global.repo1-cipher-type", value: "rot13"},
		{name: "a repo without a number", field: "global.repo-path", value: "/x"},

		// Names of other objects.
		{name: "a Secret up the tree", field: "configuration.secret", value: "../../kube-system/token"},
		{name: "a Secret in capitals", field: "configuration.secret", value: "HUNTER"},
		{name: "a Secret with spaces", field: "configuration.secret", value: leaked + " and more"},
		{name: "a Secret of 254 letters", field: "configuration.secret", value: huge[:254]},
		{name: "a Secret of a megabyte", field: "configuration.secret", value: huge},
		{name: "a template as a Secret", field: "configuration.secret", value: "{{workflow.name}}"},

		// What the repo host is made of.
		{name: "no image", hosted: true, field: "image", value: ""},
		{name: "an image with an option", hosted: true, field: "image", value: "--privileged"},
		{name: "an image with a command", hosted: true, field: "image", value: "pgbackrest; id"},
		{name: "an image with a password", hosted: true, field: "image", value: "https://admin:" + leaked + "@registry/x"},
		{name: "a template as an image", hosted: true, field: "image", value: "{{x}}"},
		{name: "an image of a megabyte", hosted: true, field: "image", value: huge},
		{name: "no volume", hosted: true, field: "repos[0].volume", value: nil},
		{name: "a volume as a text", hosted: true, field: "repos[0].volume", value: "2Gi"},
		{name: "a negative size", hosted: true, field: "repos[0].volume.size", value: "-1"},
		{name: "a size of nothing", hosted: true, field: "repos[0].volume.size", value: "0"},
		{name: "a size with a large exponent", hosted: true, field: "repos[0].volume.size", value: "1e999"},
		{name: "a size with a larger exponent", hosted: true, field: "repos[0].volume.size", value: "1e999999999"},
		{name: "a size with a space", hosted: true, field: "repos[0].volume.size", value: "2 GB"},
		{name: "a size as a number", hosted: true, field: "repos[0].volume.size", value: int64(2)},
		{name: "a class up the tree", hosted: true, field: "repos[0].volume.storageClass", value: "../fast"},
		{name: "a selector as a list", hosted: true, field: "repos[0].volume.selector", value: items{"x"}},
		{name: "a selector with values that are none", hosted: true, field: "repos[0].volume.selector", value: fields{"matchLabels": fields{"disk": "not a value"}}},
		{name: "a selector with an operator that is none", hosted: true, field: "repos[0].volume.selector", value: fields{"matchExpressions": items{fields{"key": "a", "operator": "Like"}}}},
		{name: "a selector nested deeply", hosted: true, field: "repos[0].volume.selector", value: fields{"matchLabels": nested(5000)}},
		{name: "negative cpu", hosted: true, field: "resources.requests.cpu", value: "-1"},
		{name: "cpu with a large exponent", hosted: true, field: "resources.requests.cpu", value: "1e999"},
		{name: "memory as an object", hosted: true, field: "resources.limits.memory", value: fields{}},
		{name: "requests as a list", hosted: true, field: "resources.requests", value: items{"1"}},
		{name: "resources as a text", hosted: true, field: "resources", value: leaked},
		{name: "more requested than the limit", hosted: true, field: "resources", text: "resources.requests.cpu", value: fields{"requests": fields{"cpu": "2"}, "limits": fields{"cpu": "1"}}},
		{name: "tolerations as an object", hosted: true, field: "spec.tolerations", value: fields{"key": "a"}},
		{name: "a toleration as a text", hosted: true, field: "spec.tolerations", text: "spec.tolerations[0]", value: items{leaked}},
		{name: "an affinity as a list", hosted: true, field: "spec.nodeAffinity", value: items{}},
		{name: "an affinity of the wrong shape", hosted: true, field: "spec.nodeAffinity", value: fields{"requiredDuringSchedulingIgnoredDuringExecution": items{"x"}}},
		{name: "a priority as a number", hosted: true, field: "spec.podPriorityClassName", value: int64(1000)},
		{name: "a region for a volume", hosted: true, field: "repos[0].region", value: "x"},
		{name: "the server's own options", hosted: true, field: "global.tls-server-auth", value: "*=*"},
		{name: "the path of a volume", hosted: true, field: "global.repo1-path", value: "/"},
		{
			name: "a toleration that Kubernetes refuses", hosted: true, expect: notProgrammed, text: "tolerations[0].operator",
			field: "spec.tolerations", value: items{fields{"key": "a", "operator": "Perhaps"}},
		},
		{name: "an affinity that Kubernetes refuses", hosted: true, expect: notProgrammed, text: "nodeSelectorTerms[0].matchExpressions[0].operator", field: "spec.nodeAffinity", value: fields{
			"requiredDuringSchedulingIgnoredDuringExecution": fields{"nodeSelectorTerms": items{fields{"matchExpressions": items{fields{"key": "a", "operator": "Like", "values": items{"b"}}}}}},
		}},
		{name: "a priority that Kubernetes refuses", hosted: true, expect: notProgrammed, text: "priorityClassName", field: "spec.podPriorityClassName", value: "Not a name"},

		// None of our business.
		{name: "instances as a text", expect: ignored, field: "spec.numberOfInstances", value: "many"},
		{name: "negative instances", expect: ignored, field: "spec.numberOfInstances", value: int64(-1)},
		{name: "standby as a text", expect: ignored, field: "spec.standby", value: newSection},
		{name: "a restore of the wrong shape", expect: ignored, field: "restore", value: items{newSection}},
		{name: "a restore with an injection", expect: ignored, field: "restore", value: fields{"id": newSection, "repo": "", "options": fields{"--x": "$(id)"}}},
		{name: "a template in env", expect: ignored, field: "env", value: items{fields{"name": "{{x}}", "value": leaked}}},
		{name: "unknown fields", expect: ignored, field: "repos[0].pvcsize", value: fields{"{{x}}": items{nil, leaked}}},
		{name: "unknown fields nested deeply", expect: ignored, field: "spec.unknown", value: nested(5000)},
		{name: "unknown fields of a megabyte", expect: ignored, field: "spec.unknown", value: huge},
		{name: "annotations with a template", expect: ignored, field: "metadata.annotations", value: fields{"a": "{{workflow.name}} $(id) " + leaked}},
		{name: "tolerations without a repo host", expect: ignored, field: "spec.tolerations", value: leaked},
		{name: "an image without a repo host", expect: ignored, field: "image", value: items{leaked}},
		{name: "a status of the wrong shape", expect: ignored, field: "spec.status", value: leaked},
		{name: "an option in other characters", expect: ignored, field: "global.repo1-s3-role", value: "path; $(id) `id` 'x' \"y\" \u2028 ü"},
		{name: "a path up the tree", expect: ignored, field: "global.repo1-path", value: "/../../etc"},
	}
}

// badStanzas against the definition of ours.
func badStanzas() []badCase {
	gate := func(name, expression, text string) badCase {
		return badCase{name: name, field: "spec.gate", value: expression, text: "field spec.gate " + text}
	}
	return []badCase{
		{name: "spec is a text", expect: refused, field: "spec", value: "x"},
		{name: "spec is a list", expect: refused, field: "spec", value: items{}},
		{name: "a zone as a number", expect: refused, field: "spec.timeZone", value: int64(1)},
		{name: "a zone as an object", expect: refused, field: "spec.timeZone", value: fields{"a": "b"}},
		{name: "a zone of 65 letters", expect: refused, field: "spec.timeZone", value: strings.Repeat("x", 65)},
		{name: "Local", field: "spec.timeZone", value: "Local"},
		{name: "no such zone", field: "spec.timeZone", value: "Europe/Wien"},
		{name: "a zone up the tree", field: "spec.timeZone", value: "../../etc/passwd"},
		{name: "a zone up the tree in capitals", field: "spec.timeZone", value: "Europe/../../etc/passwd"},
		{name: "a zone with a null byte", field: "spec.timeZone", value: "UTC\x00"},
		{name: "a null byte as a zone", field: "spec.timeZone", value: "\x00"},
		{name: "a zone with a line break", field: "spec.timeZone", value: "UTC\n"},
		{name: "a template as a zone", field: "spec.timeZone", value: "{{workflow.name}}"},
		{name: "an offset", field: "spec.timeZone", value: "+01:00"},
		{name: "a file of zones", field: "spec.timeZone", value: "posixrules"},
		{name: "suspend as a text", expect: refused, field: "spec.suspend", value: "yes"},
		{name: "suspend as a number", expect: refused, field: "spec.suspend", value: int64(1)},
		{name: "a template up the tree", field: "spec.workflowTemplate", value: "../other"},
		{name: "a template with slashes", field: "spec.workflowTemplate", value: "other/pgbackrest-backup"},
		{name: "a template in a template", field: "spec.workflowTemplate", value: "{{inputs.parameters.x}}"},
		{name: "a template in capitals", field: "spec.workflowTemplate", value: "Backup"},
		{name: "a template of 254 letters", expect: refused, field: "spec.workflowTemplate", value: strings.Repeat("x", 254)},
		{name: "a template as a list", expect: refused, field: "spec.workflowTemplate", value: items{}},
		{name: "a template that does not exist", expect: notProgrammed, text: "nowhere", field: "spec.workflowTemplate", value: "nowhere"},

		gate("a template in a gate", `{{workflow.name}} == ""`, "holds {{"),
		gate("an expression in a gate", `{{=true}}`, "holds {{"),
		gate("an unknown variable", `repo.freeBytes > 1`, "does not compile"),
		gate("a text", `"yes"`, "does not compile"),
		gate("a number", `1 + 1`, "does not compile"),
		gate("half a gate", `lastFull ==`, "does not compile"),
		gate("a name that fills the message", strings.Repeat("x", 2000), "does not compile"),
		gate("brackets without an end", strings.Repeat("(", 2000), "does not compile"),
		gate("lists in lists", strings.Repeat("[", 1000)+strings.Repeat("]", 1000), "does not compile"),
		gate("a thousand million numbers", `len(1..1000000000) > 1`, "uses a range"),
		gate("loops in loops", `any([1], any([2], any([3], true)))`, "uses the function any"),
		gate("a text doubled for ever", `let a = run.cluster + run.cluster; len(a) > 1`, "uses let"),
		gate("a pattern of a million states", `run.type matches "(x?){999}(x?){999}"`, "uses matches"),
		gate("a control character", "run.type == \"\x1b[31m\" + nothing", "does not compile"),
		{name: "a gate of 2049 letters", expect: refused, field: "spec.gate", value: strings.Repeat("x", 2049)},
		{name: "a gate as a boolean", expect: refused, field: "spec.gate", value: true},
		{name: "a gate as an object", expect: refused, field: "spec.gate", value: fields{"expr": "true"}},

		{name: "a window of days", expect: refused, field: "spec.window", value: "1d"},
		{name: "an empty window", expect: refused, field: "spec.window", value: ""},
		{name: "a negative window", expect: refused, field: "spec.window", value: "-1m"},
		{name: "a window of seconds", expect: refused, field: "spec.window", value: "90s"},
		{name: "a window beyond a day", expect: refused, field: "spec.window", value: "1441m"},
		{name: "a window beyond a day, in hours", expect: refused, field: "spec.window", value: "25h"},
		{name: "a window as a number", expect: refused, field: "spec.window", value: int64(90)},
		{name: "a window with a line break", expect: refused, field: "spec.window", value: "90m\n"},

		{name: "certificate as a text", expect: refused, field: "spec.certificate", value: "x"},
		{name: "a duration of days", expect: refused, field: "spec.certificate.duration", value: "90d"},
		{name: "a duration in words", expect: refused, field: "spec.certificate.duration", value: "a while"},
		{name: "an empty duration", expect: refused, field: "spec.certificate.duration", value: ""},
		{name: "a negative duration", expect: refused, field: "spec.certificate.duration", value: "-1h"},
		{name: "a duration beyond all", expect: refused, field: "spec.certificate.duration", value: "99999999999999h"},
		{name: "a duration with a line break", expect: refused, field: "spec.certificate.duration", value: "1h\n"},
		{name: "a duration as a number", expect: refused, field: "spec.certificate.duration", value: int64(3600)},
		{name: "a duration of nothing", field: "spec.certificate.duration", value: "0s"},
		{name: "a duration of seconds", field: "spec.certificate.duration", value: "59s"},
		{name: "an issuer as a text", expect: refused, field: "spec.certificate.issuerRef", value: "company"},
		{name: "an issuer without a name", expect: refused, text: "spec.certificate.issuerRef.name", field: "spec.certificate.issuerRef", value: fields{"kind": "Issuer"}},
		{name: "an issuer with an empty name", expect: refused, field: "spec.certificate.issuerRef.name", value: ""},
		{name: "an issuer that is no name", field: "spec.certificate.issuerRef.name", value: "Not a name"},
		{name: "an issuer with a template", field: "spec.certificate.issuerRef.name", value: "{{x}}"},
		{name: "an issuer of no kind", field: "spec.certificate.issuerRef", text: "spec.certificate.issuerRef.kind", value: fields{"name": "a", "kind": "issuer; id"}},
		{name: "an issuer of no group", field: "spec.certificate.issuerRef", text: "spec.certificate.issuerRef.group", value: fields{"name": "a", "group": "../x"}},
		{name: "an issuer of 254 letters", expect: refused, field: "spec.certificate.issuerRef.name", value: strings.Repeat("x", 254)},
	}
}
