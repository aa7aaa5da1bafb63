// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Check says why pgBackRest refuses a value of the option, in every release that
// knows it. The value is a line of a file, without spaces around it.
func (n Name) Check(value string) error {
	switch n.Option.Type {
	case Boolean:
		if value != "y" && value != "n" {
			return errors.New("must be y or n")
		}
	case Integer:
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return errors.New("must be a whole number")
		}
		return n.Option.checkRange(number, decimal)
	case Size:
		return n.Option.checkSize(value)
	case Time:
		milliseconds, ok := parseTime(value)
		if !ok {
			return errors.New("must be a time such as 90, 90s, 15m or 500ms")
		}
		return n.Option.checkRange(milliseconds, formatTime)
	case Path:
		return checkPath(value)
	case File:
		if !strings.HasPrefix(value, "/") {
			return errAbsolute
		}
	case Word:
		if !slices.ContainsFunc(n.Option.Words, func(v Value) bool { return v.Text == value }) {
			return errors.New("must be " + n.Option.alternatives())
		}
	case URL:
		return checkURL(value)
	case Place:
		if !place.MatchString(value) {
			return errors.New("must have only letters, digits, dots, dashes and underscores, at most 255, and start with a letter or a digit")
		}
	case Hash:
		return n.Option.checkHash(value)
	case String, List:
	}
	return nil
}

// Token reports whether a value of the option is a word or a number: short, and no
// credential. A message may repeat it.
func (o Option) Token() bool {
	return slices.Contains([]Type{Boolean, Integer, Size, Time, Word}, o.Type)
}

// Texts are the values of a Word, and the sizes that a Size may have.
func (o Option) Texts() []string {
	texts := make([]string, len(o.Words))
	for i, word := range o.Words {
		texts[i] = word.Text
	}
	return texts
}

func (o Option) alternatives() string {
	texts := o.Texts()
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

func (o Option) checkRange(value int64, format func(int64) string) error {
	if (o.Min != 0 || o.Max != 0) && (value < o.Min || value > o.Max) {
		return fmt.Errorf("must be from %s to %s", format(o.Min), format(o.Max))
	}
	return nil
}

func decimal(number int64) string { return strconv.FormatInt(number, 10) }

func (o Option) checkSize(value string) error {
	bytes, ok := parseSize(value)
	if !ok {
		return errors.New("must be a size such as 16MiB or 4GiB")
	}
	if len(o.Words) == 0 {
		return o.checkRange(bytes, formatSize)
	}
	for _, word := range o.Words {
		if allowed, _ := parseSize(word.Text); allowed == bytes {
			return nil
		}
	}
	return errors.New("must be " + o.alternatives())
}

var errAbsolute = errors.New("must be an absolute path, which begins with /")

func checkPath(value string) error {
	switch {
	case !strings.HasPrefix(value, "/"):
		return errAbsolute
	case strings.Contains(value, "//"):
		return errors.New("must not have // in it")
	}
	return nil
}

var (
	place = regexp.MustCompile(`^[A-Za-z0-9$][A-Za-z0-9._-]{0,254}$`)
	// url is pgBackRest's pattern, with a host that can exist.
	url = regexp.MustCompile(`^(https?://)?([A-Za-z0-9._-]+|\[[a-fA-F0-9:]+\])(:([1-9][0-9]{0,4}))?(/[^?/]*)*$`)
)

func checkURL(value string) error {
	match := url.FindStringSubmatch(value)
	if match == nil {
		return errors.New("must be a host, with an optional https:// before it and an optional port behind it, such as s3.example.com:9000")
	}
	if port, _ := strconv.Atoi(match[4]); port > math.MaxUint16 {
		return fmt.Errorf("must have a port up to %d", math.MaxUint16)
	}
	return nil
}

// checkHash checks key=value. The maps of block sizes hold numbers.
func (o Option) checkHash(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("must be key=value")
	}
	switch o.Name {
	case "repo-block-size-map":
		if !isBlockSize(key) || !isBlockSize(value) {
			return errors.New("must be a file size and a block size, such as 128MiB=512KiB")
		}
	case "repo-block-checksum-size-map":
		const minChecksum = 6
		if bytes, err := strconv.Atoi(value); !isBlockSize(key) || err != nil || bytes < minChecksum {
			return fmt.Errorf("must be a block size and the bytes of a checksum, at least %d, such as 512KiB=8", minChecksum)
		}
	case "repo-block-age-map":
		if !isUnsigned(key) || !isUnsigned(value) {
			return errors.New("must be days and a factor, such as 7=2")
		}
	}
	return nil
}

func isBlockSize(text string) bool {
	bytes, ok := parseSize(text)
	return ok && bytes > 0 && bytes < math.MaxUint32
}

func isUnsigned(text string) bool {
	_, err := strconv.ParseUint(text, 10, 32)
	return err == nil
}

// Since is the release that first takes the option with this value. It is empty if
// 2.41 does.
func (n Name) Since(value string) string {
	since := n.Option.Since
	for _, word := range n.Option.Words {
		if word.Text == value && word.Since != "" {
			since = word.Since
		}
	}
	switch {
	case n.Option.Type == URL && strings.HasPrefix(value, "http://"):
		return "2.58"
	case n.Option.Type == Time && !unitless.MatchString(value):
		// Older releases read 2m as two seconds.
		return "2.53"
	case n.Option.Name == "compress-level-network":
		if level, _ := strconv.Atoi(value); level < 0 || level > 9 {
			return "2.55"
		}
	}
	return since
}
