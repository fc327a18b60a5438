// Command otelcol is a collector of the components that the environment's configuration uses, and no others: what the
// contrib distribution of the same version would refuse, this refuses.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/servicegraphconnector"
	"github.com/open-telemetry/opentelemetry-collector-contrib/connector/spanmetricsconnector"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/loadbalancingexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/basicauthextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/healthcheckextension"
	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/k8sattributesprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/resourceprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/tailsamplingprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/jaegerreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/journaldreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/k8sobjectsreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/zipkinreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/forwardconnector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

// Stamped by the build.
var (
	version string
	// A digest of this file, so that a changed file is not taken from the build cache.
	source string
)

// As much of the configuration of 0.158 as the environment uses. Of 0.111 a configuration is valid only where there is a cluster.
type k8sObjectsConfig struct {
	AuthType            string                                 `mapstructure:"auth_type"`
	Objects             []*k8sobjectsreceiver.K8sObjectsConfig `mapstructure:"objects"`
	Storage             *component.ID                          `mapstructure:"storage"`
	IncludeInitialState bool                                   `mapstructure:"include_initial_state"`
}

// A receiver that is made when it starts.
type startedLate struct {
	make func(context.Context) (receiver.Logs, error)
	made receiver.Logs
}

func (late *startedLate) Start(ctx context.Context, host component.Host) error {
	var err error
	if late.made, err = late.make(ctx); err != nil {
		return err
	}
	return late.made.Start(ctx, host)
}

func (late *startedLate) Shutdown(ctx context.Context) error {
	if late.made == nil {
		return nil
	}
	return late.made.Shutdown(ctx)
}

// A stand-in for the receiver k8s_objects of 0.158, which cannot be had: the one of 0.111, which watches, and of what it is told to
// keep and to send at its start does nothing.
func k8sObjects() receiver.Factory {
	inner := k8sobjectsreceiver.NewFactory()
	return receiver.NewFactory(
		component.MustNewType("k8s_objects"),
		func() component.Config { return &k8sObjectsConfig{AuthType: "serviceAccount"} },
		receiver.WithLogs(func(
			_ context.Context, set receiver.Settings, config component.Config, next consumer.Logs,
		) (receiver.Logs, error) {
			given, of := config.(*k8sObjectsConfig), inner.CreateDefaultConfig().(*k8sobjectsreceiver.Config)
			auth := confmap.NewFromStringMap(map[string]any{"auth_type": given.AuthType})
			if err := auth.Unmarshal(of); err != nil {
				return nil, err
			}
			of.Objects = given.Objects
			set.ID = component.NewIDWithName(inner.Type(), set.ID.Name())
			return &startedLate{make: func(ctx context.Context) (receiver.Logs, error) {
				if err := of.Validate(); err != nil {
					return nil, err
				}
				return inner.CreateLogs(ctx, set, of, next)
			}}, nil
		}, component.StabilityLevelBeta),
	)
}

func factories() (otelcol.Factories, error) {
	result := otelcol.Factories{Telemetry: otelconftelemetry.NewFactory()}
	var err error
	if result.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](
		otlpreceiver.NewFactory(),
		jaegerreceiver.NewFactory(),
		zipkinreceiver.NewFactory(),
		filelogreceiver.NewFactory(),
		k8sObjects(),
		journaldreceiver.NewFactory(),
	); err != nil {
		return result, err
	}
	if result.Processors, err = otelcol.MakeFactoryMap[processor.Factory](
		memorylimiterprocessor.NewFactory(),
		k8sattributesprocessor.NewFactory(),
		batchprocessor.NewFactory(),
		tailsamplingprocessor.NewFactory(),
		resourceprocessor.NewFactory(),
		redactionprocessor.NewFactory(),
		transformprocessor.NewFactory(),
	); err != nil {
		return result, err
	}
	if result.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](
		otlpexporter.NewFactory(),
		otlphttpexporter.NewFactory(),
		prometheusexporter.NewFactory(),
		prometheusremotewriteexporter.NewFactory(),
		loadbalancingexporter.NewFactory(),
	); err != nil {
		return result, err
	}
	if result.Connectors, err = otelcol.MakeFactoryMap[connector.Factory](
		spanmetricsconnector.NewFactory(),
		servicegraphconnector.NewFactory(),
		forwardconnector.NewFactory(),
	); err != nil {
		return result, err
	}
	result.Extensions, err = otelcol.MakeFactoryMap[extension.Factory](
		healthcheckextension.NewFactory(),
		filestorage.NewFactory(),
		basicauthextension.NewFactory(),
		bearertokenauthextension.NewFactory(),
	)
	return result, err
}

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		Factories: factories,
		BuildInfo: component.BuildInfo{
			Command:     "otelcol",
			Description: "OpenTelemetry Collector of the environment's components (source " + source + ")",
			Version:     version,
		},
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory(), envprovider.NewFactory()},
				// As in the distribution: "${NAME}" is a variable of the environment.
				DefaultScheme: "env",
			},
		},
	})
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
