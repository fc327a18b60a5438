// Command generate is the configuration generator of the Prometheus Operator without its API server: it reads a list of
// objects, as JSON, one Prometheus or PrometheusAgent among them, and writes what the operator would put into the Secrets of
// its pods. Objects are taken whatever their namespace and labels; those that the operator refuses are named, with its words.
// It is composed of the packages of the operator as its own program is (pkg/prometheus/server/operator.go,
// createOrUpdateConfigurationSecret).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/prometheus-operator/prometheus-operator/pkg/assets"
	"github.com/prometheus-operator/prometheus-operator/pkg/operator"
	prompkg "github.com/prometheus-operator/prometheus-operator/pkg/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
)

// source is the digest of this file: the build cache knows the flags of a build, and not what is built.
var source string

// Result is what the pods of the object get.
type Result struct {
	// Configuration is the configuration file, YAML.
	Configuration string `json:"configuration"`
	// Arguments are flags that the server and the agent share, without their dashes.
	Arguments []string `json:"arguments"`
	// Certificates are the files below /etc/prometheus/certs.
	Certificates map[string]string `json:"certificates"`
	// Rejected are objects that the operator refuses, by kind, namespace and name, and its words.
	Rejected map[string]string `json:"rejected"`
}

func main() {
	if len(os.Args) > 1 {
		fmt.Println(source)
		return
	}
	result, err := generate(context.Background())
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func as[T any](raw json.RawMessage) (*T, error) {
	object := new(T)
	return object, json.Unmarshal(raw, object)
}

func generate(ctx context.Context) (*Result, error) {
	var raws []json.RawMessage
	if err := json.NewDecoder(os.Stdin).Decode(&raws); err != nil {
		return nil, err
	}
	var (
		owner   monitoringv1.PrometheusInterface
		known   []any
		objects = map[string][]any{}
	)
	for _, raw := range raws {
		var (
			is     struct{ Kind string }
			object any
			err    error
		)
		if err := json.Unmarshal(raw, &is); err != nil {
			return nil, err
		}
		switch is.Kind {
		case monitoringv1.PrometheusesKind:
			owner, err = as[monitoringv1.Prometheus](raw)
		case monitoringv1alpha1.PrometheusAgentsKind:
			owner, err = as[monitoringv1alpha1.PrometheusAgent](raw)
		case monitoringv1.ServiceMonitorsKind:
			object, err = as[monitoringv1.ServiceMonitor](raw)
		case monitoringv1.PodMonitorsKind:
			object, err = as[monitoringv1.PodMonitor](raw)
		case monitoringv1.ProbesKind:
			object, err = as[monitoringv1.Probe](raw)
		case monitoringv1alpha1.ScrapeConfigsKind:
			object, err = as[monitoringv1alpha1.ScrapeConfig](raw)
		case "Secret":
			secret, fault := as[corev1.Secret](raw)
			// As the API server does.
			if secret.Data == nil {
				secret.Data = map[string][]byte{}
			}
			for key, text := range secret.StringData {
				secret.Data[key] = []byte(text)
			}
			known, err = append(known, secret), fault
		default:
			err = fmt.Errorf("nobody here reads a %q", is.Kind)
		}
		if err != nil {
			return nil, err
		}
		if object != nil {
			objects[is.Kind] = append(objects[is.Kind], object)
		}
	}
	if owner == nil {
		return nil, fmt.Errorf("there is no Prometheus or PrometheusAgent")
	}
	return generateFor(ctx, owner, assets.NewTestStoreBuilder(known...), objects)
}

func generateFor(
	ctx context.Context,
	owner monitoringv1.PrometheusInterface,
	store *assets.StoreBuilder,
	objects map[string][]any,
) (*Result, error) {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	fields := owner.GetCommonPrometheusFields()
	// Without a selector of namespaces the operator asks no cluster which there are.
	fields.ServiceMonitorNamespaceSelector = nil
	fields.PodMonitorNamespaceSelector = nil
	fields.ProbeNamespaceSelector = nil
	fields.ScrapeConfigNamespaceSelector = nil
	owner.SetCommonPrometheusFields(fields)

	generator, err := prompkg.NewConfigGenerator(logger, owner, prompkg.WithEndpointSliceSupport())
	if err != nil {
		return nil, err
	}
	namespace := owner.GetObjectMeta().GetNamespace()
	if err := generator.AddRemoteWriteToStore(ctx, store, namespace, fields.RemoteWrite); err != nil {
		return nil, err
	}
	if err := prompkg.AddScrapeClassesToStore(ctx, store, namespace, fields.ScrapeClasses); err != nil {
		return nil, err
	}
	selector, err := prompkg.NewResourceSelector(
		logger, owner, store, nil,
		// One event for each that is refused; nobody reads them.
		operator.NewMetrics(prometheus.NewRegistry()), operator.NewFakeRecorder(10_000, owner.(runtime.Object)),
	)
	if err != nil {
		return nil, err
	}
	of := func(kind string) prompkg.ListAllByNamespaceFn {
		return func(_ string, _ labels.Selector, add cache.AppendFunc) error {
			for _, object := range objects[kind] {
				add(object)
			}
			return nil
		}
	}
	services, err := selector.SelectServiceMonitors(ctx, of(monitoringv1.ServiceMonitorsKind))
	if err != nil {
		return nil, err
	}
	pods, err := selector.SelectPodMonitors(ctx, of(monitoringv1.PodMonitorsKind))
	if err != nil {
		return nil, err
	}
	probes, err := selector.SelectProbes(ctx, of(monitoringv1.ProbesKind))
	if err != nil {
		return nil, err
	}
	scrapes, err := selector.SelectScrapeConfigs(ctx, of(monitoringv1alpha1.ScrapeConfigsKind))
	if err != nil {
		return nil, err
	}
	result := &Result{Rejected: map[string]string{}, Certificates: map[string]string{}, Arguments: []string{}}
	reject(result, monitoringv1.ServiceMonitorsKind, services)
	reject(result, monitoringv1.PodMonitorsKind, pods)
	reject(result, monitoringv1.ProbesKind, probes)
	reject(result, monitoringv1alpha1.ScrapeConfigsKind, scrapes)

	var text []byte
	if server, is := owner.(*monitoringv1.Prometheus); is {
		text, err = generator.GenerateServerConfiguration(
			server, services.ValidResources(), pods.ValidResources(), probes.ValidResources(), scrapes.ValidResources(),
			store, nil, nil, nil, nil,
		)
	} else {
		text, err = generator.GenerateAgentConfiguration(
			services.ValidResources(), pods.ValidResources(), probes.ValidResources(), scrapes.ValidResources(),
			store, nil,
		)
	}
	if err != nil {
		return nil, err
	}
	result.Configuration = string(text)
	for _, argument := range generator.BuildCommonPrometheusArgs() {
		if argument.Value == "" {
			result.Arguments = append(result.Arguments, argument.Name)
		} else {
			result.Arguments = append(result.Arguments, argument.Name+"="+argument.Value)
		}
	}
	for name, certificate := range store.TLSAssets() {
		result.Certificates[name] = string(certificate)
	}
	return result, nil
}

func reject[T operator.ConfigurationResource](result *Result, kind string, selection operator.TypedResourcesSelection[T]) {
	for name, resource := range selection {
		for _, condition := range resource.Conditions() {
			if condition.Status == monitoringv1.ConditionFalse {
				result.Rejected[kind+" "+name] = condition.Message
			}
		}
	}
}
