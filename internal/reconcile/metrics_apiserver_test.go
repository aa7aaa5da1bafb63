//go:build apiserver

// SPDX-FileCopyrightText: The Stanzaflow Authors
// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	stanzaflowv1alpha1 "github.com/stanzaflow/stanzaflow/api/v1alpha1"
	"github.com/stanzaflow/stanzaflow/internal/metrics"
	"github.com/stanzaflow/stanzaflow/internal/reconcile/reconciletest"
	"github.com/stanzaflow/stanzaflow/internal/vocab"
)

// TestWhoMayReadTheMetrics serves them with the rights of deploy/overlays/namespaced, and
// asks as Prometheus, as somebody else and as nobody.
func TestWhoMayReadTheMetrics(t *testing.T) {
	s := startBareServer(t)
	if err := s.client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: overlayNamespace}}); err != nil {
		t.Fatal(err)
	}
	s.install(t, kustomize(t, "../../deploy/overlays/namespaced"))
	prometheus, other := s.token(t, "prometheus"), s.token(t, "other")
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "prometheus"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "stanzaflow-metrics-reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: overlayNamespace, Name: "prometheus"}},
	}
	if err := s.client.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	address := s.serveMetrics(t)
	// A denial is remembered for half a minute, if the binding is not in force yet.
	eventually(t, func() error { return wantCode(t, "https://"+address, prometheus, http.StatusOK) })
	for name, tc := range map[string]struct {
		url, token string
		want       int
	}{
		"nobody": {"https://" + address, "", http.StatusUnauthorized},
		// The API server calls that an error, and so does controller-runtime.
		"what is no token":   {"https://" + address, "x", http.StatusInternalServerError},
		"somebody else":      {"https://" + address, other, http.StatusForbidden},
		"without encryption": {"http://" + address, prometheus, http.StatusBadRequest},
	} {
		if err := wantCode(t, tc.url, tc.token, tc.want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	// As docs/metrics.md says of an operator without that right.
	if err := s.client.Delete(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "stanzaflow-metrics"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		return wantCode(t, "https://"+s.serveMetrics(t), prometheus, http.StatusInternalServerError)
	})
}

// TestMetricsFromTheCache collects from the cache that the manager has, of all namespaces and
// of some.
func TestMetricsFromTheCache(t *testing.T) {
	s := startServer(t)
	seen, other := s.world(t), s.world(t)
	for _, w := range []*world{seen, other} {
		w.create(&stanzaflowv1alpha1.Stanza{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: reconciletest.Cluster}})
		stanza := w.stanza()
		stanza.Status.Schedules = []stanzaflowv1alpha1.ScheduleStatus{{CronWorkflow: reconciletest.Full, Repo: "repo1", Type: "full", Schedule: "0 0 * * *", TimeZone: "UTC"}}
		if err := s.client.Status().Update(t.Context(), stanza); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		namespaces []string
		want       int
	}{"all namespaces": {nil, 2}, "some namespaces": {[]string{seen.namespace}, 1}} {
		t.Run(name, func(t *testing.T) {
			mgr, err := ctrl.NewManager(s.counted(), ctrl.Options{
				Scheme: s.scheme, NewCache: NewCache, Cache: CacheOptions(Options{Namespaces: tc.namespaces, Provisioner: vocab.ProvisionedByUs}), Metrics: metricsserver.Options{BindAddress: "0"},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- mgr.Start(ctx) }()
			page := metrics.NewPage(prometheus.NewRegistry(), seen.clock)
			page.Show(metrics.New(metrics.Options{Stanzas: mgr.GetCache().(metrics.Cache), Clock: seen.clock, Leads: func() bool { return true }}))
			eventually(t, func() error {
				answer := httptest.NewRecorder()
				page.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
				if strings.Count(answer.Body.String(), "\nstanzaflow_schedule_overdue{") == tc.want {
					return nil
				}
				return fmt.Errorf("there are not %d clusters: %d %.500s", tc.want, answer.Code, answer.Body)
			})
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// token makes a ServiceAccount and returns a token of it.
func (s *server) token(t *testing.T, name string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: overlayNamespace, Name: name}}
	if err := s.client.Create(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	request := &authenticationv1.TokenRequest{}
	if err := s.client.SubResource("token").Create(t.Context(), account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// pageText stands for the metrics.
const pageText = "stanzaflow_leader 1"

// serveMetrics serves them with the rights of the operator, and returns where.
func (s *server) serveMetrics(t *testing.T) string {
	t.Helper()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, pageText) })
	options, err := metrics.Endpoint{Address: "127.0.0.1:0", Secure: true, Page: page}.Server()
	if err != nil {
		t.Fatal(err)
	}
	config := s.counted()
	operator, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	served, err := metricsserver.NewServer(options, config, operator)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- served.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var address string
	eventually(t, func() error {
		if address = served.(interface{ GetBindAddr() string }).GetBindAddr(); address == "" {
			return fmt.Errorf("the endpoint is not there")
		}
		return nil
	})
	return address
}

// wantCode compares the answer to a scrape.
func wantCode(t *testing.T, url, token string, want int) error {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", http.NoBody)
	if err != nil {
		return err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	text, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if (answer.StatusCode == http.StatusOK) != (string(text) == pageText) {
		return fmt.Errorf("the answer %d is not the page, or the page is shown without right: %.200s", answer.StatusCode, text)
	}
	if answer.StatusCode != want {
		return fmt.Errorf("the answer is %d, want %d: %.200s", answer.StatusCode, want, text)
	}
	return nil
}
