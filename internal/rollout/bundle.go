// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/stanzaflow/stanzaflow/internal/vocab"
	"github.com/stanzaflow/stanzaflow/workflows"
)

const (
	kindTemplate       = "WorkflowTemplate"
	kindServiceAccount = "ServiceAccount"
	kindRole           = "Role"
	kindRoleBinding    = "RoleBinding"
	partOf             = "stanzaflow"
	// ownImage is the image in our manifests, whatever its tag is.
	ownImage = "ghcr.io/stanzaflow/operator"
)

// Bundle is what every namespace gets.
type Bundle struct {
	// Objects without a namespace, in the order in which they are applied. Each has the
	// label vocab.LabelPartOf and the annotation vocab.AnnotationBundle.
	Objects []*unstructured.Unstructured
}

// Own returns the bundle of this program, with an image of the operator.
func Own(by vocab.Provisioner, image string) (Bundle, error) {
	files := [][]byte{
		workflows.Runner, workflows.WatchAccount, workflows.DrillAccount,
		workflows.Template, workflows.Watch, workflows.Drill,
	}
	if by == vocab.ProvisionedByCPO {
		files = append(files, workflows.Alongside)
	}
	objects, err := Read(bytes.NewReader(bytes.Join(files, []byte("\n---\n"))))
	if err != nil {
		return Bundle{}, err
	}
	for _, object := range objects {
		if object.GetKind() == kindTemplate {
			setImages(object.Object["spec"], image)
		}
	}
	return New(objects)
}

// setImages replaces our image wherever a container has it.
func setImages(value any, image string) {
	switch value := value.(type) {
	case map[string]any:
		if name, _ := value["image"].(string); strings.HasPrefix(name, ownImage+":") {
			value["image"] = image
		}
		for _, field := range value {
			setImages(field, image)
		}
	case []any:
		for _, item := range value {
			setImages(item, image)
		}
	}
}

// Image is our image with the tag of a version.
func Image(version string) string { return ownImage + ":" + version }

// Read reads the objects of YAML or JSON: documents, and lists of objects.
func Read(from io.Reader) ([]*unstructured.Unstructured, error) {
	decoder := utilyaml.NewYAMLOrJSONDecoder(from, 4096)
	var objects []*unstructured.Unstructured
	for {
		content := map[string]any{}
		err := decoder.Decode(&content)
		switch {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("document %d cannot be read: %w", len(objects)+1, err)
		case len(content) == 0:
			continue
		}
		read, err := flatten(content)
		if err != nil {
			return nil, err
		}
		objects = append(objects, read...)
	}
}

// flatten returns an object, or those of a list. Numbers get the types that an answer of
// the API server has.
func flatten(content map[string]any) ([]*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{Object: content}
	if object.GetKind() == "" {
		return nil, fmt.Errorf("object %q has no kind", nameOf(object))
	}
	text, err := object.MarshalJSON()
	if err == nil {
		err = object.UnmarshalJSON(text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", nameOf(object), err)
	}
	if !object.IsList() {
		return []*unstructured.Unstructured{object}, nil
	}
	list, err := object.ToList()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", nameOf(object), err)
	}
	var objects []*unstructured.Unstructured
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	return objects, nil
}

// New returns a bundle of objects, which it changes. It refuses what would not work in
// many namespaces, with a sentence for each thing that is wrong.
func New(objects []*unstructured.Unstructured) (Bundle, error) {
	var wrong []string
	seen := map[string]bool{}
	for _, object := range objects {
		wrong = append(wrong, findMistakes(object)...)
		if seen[id(object)] {
			wrong = append(wrong, nameOf(object)+" is there twice")
		}
		seen[id(object)] = true
	}
	if len(wrong) == 0 {
		wrong = findBrokenContracts(objects)
	}
	if len(wrong) > 0 {
		return Bundle{}, errors.New(strings.Join(wrong, "; "))
	}
	for _, object := range objects {
		if err := mark(object); err != nil {
			return Bundle{}, err
		}
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
	return Bundle{Objects: objects}, nil
}

func findMistakes(object *unstructured.Unstructured) []string {
	var wrong []string
	add := func(sentence string) { wrong = append(wrong, nameOf(object)+" "+sentence) }
	if object.GetAPIVersion() == "" {
		add("has no apiVersion")
	}
	if object.GetName() == "" {
		add("has no metadata.name")
	}
	if namespace := object.GetNamespace(); namespace != "" {
		add("has the namespace " + namespace + ", and is for all of them: remove metadata.namespace, or the line namespace: of the kustomization")
	}
	if object.GetKind() == "Namespace" {
		add("would be the same in every namespace: create namespaces by themselves")
	}
	if object.GetKind() == kindRoleBinding {
		for _, sentence := range findForeignSubjects(object) {
			add(sentence)
		}
	}
	return wrong
}

// findForeignSubjects finds the ServiceAccounts of one namespace to which a RoleBinding
// would give rights in all namespaces. Without a namespace it is that of the RoleBinding.
func findForeignSubjects(binding *unstructured.Unstructured) []string {
	var wrong []string
	subjects, _, _ := unstructured.NestedSlice(binding.Object, "subjects") // The API server refuses what is no list.
	for i, subject := range subjects {
		subject, _ := subject.(map[string]any)
		kind, _ := subject["kind"].(string)
		name, _ := subject["name"].(string)
		if namespace, _ := subject["namespace"].(string); kind == kindServiceAccount && namespace != "" {
			wrong = append(wrong, fmt.Sprintf("would give the ServiceAccount %s of the namespace %s rights in all of them: remove subjects[%d].namespace, or the line namespace: of the kustomization", name, namespace, i))
		}
	}
	return wrong
}

// mark makes an object one that can be found again, and that is known when it has changed.
func mark(object *unstructured.Unstructured) error {
	annotations := object.GetAnnotations()
	delete(annotations, vocab.AnnotationBundle)
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[vocab.LabelPartOf] = partOf
	object.SetLabels(labels)
	text, err := object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", nameOf(object), err)
	}
	if annotations == nil {
		annotations = map[string]string{}
	}
	const length = 16
	digest := sha256.Sum256(text)
	annotations[vocab.AnnotationBundle] = hex.EncodeToString(digest[:])[:length]
	object.SetAnnotations(annotations)
	return nil
}

// rank is the order in which the kinds are applied: rights before what uses them.
func rank(object *unstructured.Unstructured) int {
	order := []string{kindServiceAccount, "Secret", "ConfigMap", kindRole, kindRoleBinding}
	if i := slices.Index(order, object.GetKind()); i >= 0 {
		return i
	}
	if object.GetKind() == kindTemplate {
		return len(order) + 1
	}
	return len(order)
}

// id tells objects of one namespace apart.
func id(object *unstructured.Unstructured) string {
	return object.GroupVersionKind().GroupKind().String() + " " + object.GetName()
}

// nameOf is an object in a sentence.
func nameOf(object *unstructured.Unstructured) string {
	name, _, _ := unstructured.NestedString(object.Object, "metadata", "name")
	return strings.TrimSpace(object.GetKind() + " " + name)
}
