// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package pgbackrest

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// Program is the first element of every command line of pgBackRest, found in PATH.
const Program = "pgbackrest"

// Options that every command line sets, because versions differ in their defaults
// and a user's configuration may change them: where the log goes, and what the proof
// of a backup depends on. INFO goes to stdout; a level that stderr takes does not
// appear on stdout.
const (
	// quiet leaves stdout to the answer, which is JSON.
	quiet = "--log-level-console=off"
	// verbose lets a person follow on stdout.
	verbose = "--log-level-console=info"
	// complain sends warnings too: the cause of a [056] is only in a WARN.
	complain = "--log-level-stderr=warn"
	// awaitWAL has a backup end only when its WAL is archived.
	awaitWAL = "--archive-check"
	// checkPages reads the checksum of every page, if PostgreSQL writes them: that
	// is the default.
	checkPages = "--reset-checksum-page"
	// wholeCluster backs up files that exclude leaves out, base among them:
	// pgBackRest exits 0 without them, and nothing in the repository shows it.
	wholeCluster = "--reset-exclude"
	// soon bounds a question to a store that does not answer. One request
	// gives up after about four times this, four minutes with the default.
	soon   = "--io-timeout=10"
	asJSON = "--output=json"
)

// maxRepo is the highest number pgBackRest accepts for a repository.
const maxRepo = 256

// BackupOptions is what differs between two backups.
type BackupOptions struct {
	Stanza string
	Repo   int
	// Type is one of TypeFull, TypeDiff and TypeIncr.
	Type        string
	Annotations map[string]string
	// StartFast asks PostgreSQL for a checkpoint now. Otherwise the option
	// is left to the configuration.
	StartFast bool
}

// VersionCommand asks for the version: "pgBackRest 2.55.1".
func VersionCommand() []string { return []string{Program, "version"} }

// AllRepos stands for every repository that pgBackRest is configured for.
const AllRepos = 0

// InfoCommand asks about a stanza in one repository or in AllRepos, for
// ParseInfo. A repository that is down does not hide the others, but the answer
// waits for it.
func InfoCommand(stanza string, repo int) ([]string, error) {
	arguments := []string{asJSON, soon, quiet, complain}
	if repo != AllRepos {
		argument, err := repoArgument(repo)
		if err != nil {
			return nil, err
		}
		arguments = append([]string{argument}, arguments...)
	}
	return command("info", stanza, arguments...)
}

// StanzaCreateCommand prepares all repositories. It does nothing in one that is
// prepared.
func StanzaCreateCommand(stanza string) ([]string, error) {
	return command("stanza-create", stanza, verbose, complain)
}

// StanzaUpgradeCommand has all repositories take the WAL and the backups of a newer
// version of PostgreSQL beside those of the older one. It does nothing in one that does
// so already.
func StanzaUpgradeCommand(stanza string) ([]string, error) {
	return command("stanza-upgrade", stanza, verbose, complain)
}

// CheckCommand has PostgreSQL write a WAL segment and waits until it is in every
// repository. It is for the host of PostgreSQL: from there WAL is archived.
func CheckCommand(stanza string) ([]string, error) {
	return command("check", stanza, soon, verbose, complain)
}

// BackupCommand makes a backup of all files, with its WAL in the archive when it ends,
// whatever the configuration says. It does not expire: that is a step of its own, so
// that a failure of retention neither hides nor fails a good backup.
func BackupCommand(o BackupOptions) ([]string, error) {
	repo, err := repoArgument(o.Repo)
	if err != nil {
		return nil, err
	}
	if o.Type != TypeFull && o.Type != TypeDiff && o.Type != TypeIncr {
		return nil, errors.New("the backup type must be full, diff or incr")
	}
	arguments := []string{repo, "--type=" + o.Type, "--no-expire-auto", awaitWAL, checkPages, wholeCluster}
	if o.StartFast {
		arguments = append(arguments, "--start-fast")
	}
	for _, key := range slices.Sorted(maps.Keys(o.Annotations)) {
		value := o.Annotations[key]
		if err := checkAnnotation(key, value); err != nil {
			return nil, err
		}
		arguments = append(arguments, "--annotation="+key+"="+value)
	}
	return command("backup", o.Stanza, append(arguments, verbose, complain)...)
}

// ExpireCommand applies the retention of one repository.
func ExpireCommand(stanza string, repo int) ([]string, error) {
	argument, err := repoArgument(repo)
	if err != nil {
		return nil, err
	}
	return command("expire", stanza, argument, verbose, complain)
}

// RepoLSCommand lists a directory of a repository, for ParseRepoLS. The path is
// relative to the repository: archive/db/15-1/0000000100000000.
func RepoLSCommand(repo int, path string) ([]string, error) {
	return repoLSCommand(repo, path)
}

// RepoFilesCommand lists a directory of a repository and all below it, for
// ParseRepoFiles. The path is as in RepoLSCommand.
func RepoFilesCommand(repo int, path string) ([]string, error) {
	return repoLSCommand(repo, path, "--recurse")
}

var historyPath = regexp.MustCompile(`^archive/[A-Za-z0-9._-]+/[0-9.]+-[0-9]+/[0-9A-F]{8}\.history$`)

// RepoHistoryCommand prints the history of a timeline. The path is relative to the
// repository: archive/db/15-1/00000002.history.
func RepoHistoryCommand(repo int, path string) ([]string, error) {
	argument, err := repoArgument(repo)
	if err != nil {
		return nil, err
	}
	if err := checkRepoPath(path); err != nil {
		return nil, err
	}
	if !historyPath.MatchString(path) {
		return nil, errors.New("the path must be that of a history, such as archive/db/15-1/00000002.history")
	}
	return []string{Program, "repo-get", argument, soon, quiet, complain, path}, nil
}

func repoLSCommand(repo int, path string, options ...string) ([]string, error) {
	argument, err := repoArgument(repo)
	if err != nil {
		return nil, err
	}
	if err := checkRepoPath(path); err != nil {
		return nil, err
	}
	return slices.Concat([]string{Program, "repo-ls", argument}, options, []string{asJSON, soon, quiet, complain, path}), nil
}

var backupLabel = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}F(_[0-9]{8}-[0-9]{6}[DI])?$`)

// IsLabel reports whether a text is a label as pgBackRest gives them, 20261122-132826F.
func IsLabel(text string) bool { return backupLabel.MatchString(text) }

// VerifyCommand reads back a backup, the files it refers to and its WAL, for
// ParseVerify. It exits 0 for almost all that it finds. Up to 2.54 pgBackRest takes
// --set and reads the whole repository: see Reads in package proof.
func VerifyCommand(stanza string, repo int, label string) ([]string, error) {
	argument, err := repoArgument(repo)
	if err != nil {
		return nil, err
	}
	if !IsLabel(label) {
		return nil, errors.New("the backup must be a label of pgBackRest, such as 20261122-132826F")
	}
	return command("verify", stanza, argument, "--set="+label, "--output=text", "--verbose", verbose, complain)
}

var runUID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// TerminateCommand ends the backup with this annotation, and nothing else: not
// what archives WAL, and no other backup. pgBackRest ends with [063] and the next
// backup of the same type resumes. Exit code 1 means that there was none.
func TerminateCommand(key, run string) ([]string, error) {
	if !annotationKey.MatchString(key) || !runUID.MatchString(run) {
		return nil, errors.New("the run must be the UID of a Workflow")
	}
	return []string{"pkill", "--signal", "TERM", "--full", key + "=" + run}, nil
}

// TerminateWorkersCommand ends the workers that a dead backup has left. They continue
// until their file is done, without a lock after SIGTERM, and write into the
// directory that the next backup resumes. Such a worker has become a child of process
// 1; a worker of a backup that is running never is one.
func TerminateWorkersCommand() []string {
	return []string{"pkill", "--signal", "TERM", "--parent", "1", "--full", "backup:local"}
}

// command puts the name of the command first and the stanza second, so that a rule
// can allow it by its position.
func command(name, stanza string, arguments ...string) ([]string, error) {
	if err := CheckStanza(stanza); err != nil {
		return nil, err
	}
	return append([]string{Program, name, "--stanza=" + stanza}, arguments...), nil
}

func repoArgument(repo int) (string, error) {
	if repo < 1 || repo > maxRepo {
		return "", fmt.Errorf("the repository must be a number from 1 to %d", maxRepo)
	}
	return "--repo=" + strconv.Itoa(repo), nil
}
