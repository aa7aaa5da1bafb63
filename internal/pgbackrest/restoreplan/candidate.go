// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package restoreplan

import (
	"fmt"
	"slices"
	"strings"
)

// candidates are the sets from which a restore can begin, the newest first.
func (p *planner) candidates(target Target) ([]set, *Refusal) {
	sets, refusal := p.named(target.Set)
	if refusal != nil {
		return nil, refusal
	}
	if target.Kind == Time {
		early := slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return s.earliest().After(target.Time) })
		switch {
		case len(early) > 0:
			sets = early
		case target.Set != "":
			return nil, refuse(SetTooYoung, fmt.Sprintf("backup %s ended at %s, so it can be restored to %s and later, not to %s; pgBackRest would not check that: leave out --set, or take an older one",
				target.Set, stamp(sets[0].Stop), stamp(sets[0].earliest()), stamp(target.Time)))
		default:
			oldest := sets[len(sets)-1]
			return nil, refuse(BeforeOldest, fmt.Sprintf("%s is before the end of every backup that can be restored: the oldest, %s in repo%d, can be restored to %s and later%s",
				stamp(target.Time), oldest.Label, oldest.RepoKey, stamp(oldest.earliest()), p.brokenText()))
		}
	}
	fitting := slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return s.major != p.major })
	if len(fitting) == 0 {
		return nil, refuse(VersionDiffers, fmt.Sprintf("the backups for that are of PostgreSQL %s, such as %s, and this PostgreSQL is %d: restore into a pod with the image of that version",
			sets[0].system.version, sets[0].Label, p.major))
	}
	return fitting, nil
}

// named are the sets of a label, all without one.
func (p *planner) named(label string) ([]set, *Refusal) {
	sets := p.sets
	if label != "" {
		sets = slices.DeleteFunc(slices.Clone(p.sets), func(s set) bool { return s.Label != label })
	}
	switch {
	case len(sets) > 0:
		return sets, nil
	case label != "" && p.broken[label].why != "":
		return nil, refuse(Unreadable, p.broken[label].why+": take another one")
	case label != "":
		return nil, refuse(NoRepo, fmt.Sprintf("%s holds no backup %s: kubectl stanzaflow backups lists them", p.repoText(), label))
	case len(p.broken) > 0:
		return nil, refuse(Unreadable, "no backup can be restored"+p.brokenText())
	}
	return nil, refuse(NoRepo, p.repoText()+" holds no backup: nothing can be restored")
}

func (p *planner) repoText() string {
	names := make([]string, 0, len(p.repos))
	for _, repo := range p.repos {
		names = append(names, repoName(repo))
	}
	if len(names) == 1 {
		return names[0]
	}
	return "none of " + strings.Join(names, ", ")
}

// brokenText is the end of a sentence about the backups that do not count.
func (p *planner) brokenText() string {
	if len(p.broken) == 0 {
		return ""
	}
	var texts []string
	for _, b := range p.broken {
		texts = append(texts, b.why)
	}
	slices.Sort(texts)
	const few = 3
	if len(texts) > few {
		texts = append(texts[:few], fmt.Sprintf("and %d more", len(texts)-few))
	}
	return "; these do not count: " + strings.Join(texts, "; ")
}
