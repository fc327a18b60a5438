// What prometheus-adapter makes of its rules, by its own reader: for each a line of the metric's name and of the query for one pod.
// Its program would need a cluster for that; this needs the names of the kinds alone.
package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/prometheus-adapter/pkg/client"
	"sigs.k8s.io/prometheus-adapter/pkg/config"
	"sigs.k8s.io/prometheus-adapter/pkg/naming"
)

// Kinds of every cluster that series are about.
func kinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper(nil)
	core := schema.GroupVersion{Version: "v1"}
	apps := schema.GroupVersion{Group: "apps", Version: "v1"}
	for _, kind := range []string{"Pod", "Service", "ConfigMap"} {
		mapper.Add(core.WithKind(kind), meta.RESTScopeNamespace)
	}
	for _, kind := range []string{"Deployment", "StatefulSet", "DaemonSet"} {
		mapper.Add(apps.WithKind(kind), meta.RESTScopeNamespace)
	}
	for _, kind := range []string{"Namespace", "Node"} {
		mapper.Add(core.WithKind(kind), meta.RESTScopeRoot)
	}
	return mapper
}

func run(file, series, namespace, pod string) error {
	read, err := config.FromFile(file)
	if err != nil {
		return err
	}
	for external, rules := range map[bool][]config.DiscoveryRule{false: read.Rules, true: read.ExternalRules} {
		namers, err := naming.NamersFromConfig(rules, kinds())
		if err != nil {
			return err
		}
		for _, namer := range namers {
			if len(namer.FilterSeries([]client.Series{{Name: series}})) == 0 {
				continue
			}
			pods := schema.GroupResource{Resource: "pods"}
			// A rule about something else.
			if _, err := namer.LabelForResource(pods); err != nil && !external {
				continue
			}
			metric, err := namer.MetricNameForSeries(client.Series{Name: series})
			if err != nil {
				return err
			}
			query, err := namer.QueryForExternalSeries(series, namespace, labels.Everything())
			if !external {
				query, err = namer.QueryForSeries(series, pods, namespace, labels.Everything(), pod)
			}
			if err != nil {
				return err
			}
			fmt.Printf("%s\t%s\n", metric, query)
		}
	}
	return nil
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: rules <file> <series> <namespace> <pod>")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
