// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package packed

import (
	"reflect"
	"sync"

	"github.com/klauspost/compress/zstd"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// dictionaryID is not 0, which means none.
const dictionaryID = 1

// maxDictionary is the part of the first object that the others are compressed with.
const maxDictionary = 16 << 10

// kind packs the objects of one kind. The first object of a kind that the process sees is
// the dictionary for all.
type kind struct {
	gvk schema.GroupVersionKind
	// of is the Go type of an unpacked object, without the pointer.
	of reflect.Type
	// labels are those of all kinds.
	labels *labelSets

	once    sync.Once
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// empty returns an object without content.
func (k *kind) empty() client.Object {
	o := reflect.New(k.of).Interface().(client.Object)
	if u, ok := o.(*unstructured.Unstructured); ok {
		u.SetGroupVersionKind(k.gvk)
	}
	return o
}

// begin makes the dictionary. What it panics on are options of zstd that are not valid.
func (k *kind) begin(first []byte) {
	dictionary := append([]byte{}, first[:min(len(first), maxDictionary)]...)
	var err error
	k.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderDictRaw(dictionaryID, dictionary),
		zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(32<<10), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	k.decoder, err = zstd.NewReader(nil, zstd.WithDecoderDictRaw(dictionaryID, dictionary),
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err)
	}
}

func (k *kind) compress(content []byte) []byte {
	k.once.Do(func() { k.begin(content) })
	data := k.encoder.EncodeAll(content, nil)
	return append(make([]byte, 0, len(data)), data...)
}

// decompress puts the content into a buffer, if that is large enough.
func (k *kind) decompress(data, buffer []byte) ([]byte, error) {
	return k.decoder.DecodeAll(data, buffer[:0])
}
