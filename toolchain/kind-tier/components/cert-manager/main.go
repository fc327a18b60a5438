// cert-manager's four programs, by the name that this one is called by: controller, webhook, cainjector, startupapicheck.
//
// Its own main packages are in Go modules that cannot be required (their paths are not where they are), so this composes the
// packages of its main module: all that certificates from self-signed and CA issuers need. Left out: ACME, Vault, Venafi,
// the shims for Ingress and Gateway, and the election of a leader.
//
// The module's path begins with cert-manager's, as those of its own programs do, because parts of it are internal.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	internalwebhook "github.com/cert-manager/cert-manager/internal/webhook"
	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	"github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	crca "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	crselfsigned "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	certificatemetrics "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	"github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	"github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	"github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util"
	"github.com/cert-manager/cert-manager/pkg/util/cmapichecker"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
)

var controllers = []string{
	issuers.ControllerName, clusterissuers.ControllerName,
	approver.ControllerName, crca.CRControllerName, crselfsigned.CRControllerName,
	issuing.ControllerName, keymanager.ControllerName, certificatemetrics.ControllerName, readiness.ControllerName,
	requestmanager.ControllerName, revisionmanager.ControllerName, trigger.ControllerName,
}

// flags ignores those of the real programs that are not known here.
func flags() *pflag.FlagSet {
	set := pflag.NewFlagSet(os.Args[0], pflag.ExitOnError)
	set.ParseErrorsAllowlist.UnknownFlags = true
	return set
}

func runController(ctx context.Context) error {
	set := flags()
	namespace := set.String("cluster-resource-namespace", "kube-system", "")
	set.Parse(os.Args[1:])
	factory, err := controller.NewContextFactory(ctx, controller.ContextOptions{
		KubernetesAPIQPS: 20, KubernetesAPIBurst: 50,
		IssuerOptions: controller.IssuerOptions{ClusterResourceNamespace: *namespace},
		CertificateOptions: controller.CertificateOptions{
			CopiedAnnotationPrefixes:                 []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"},
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
	})
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	ended := make(chan error, len(controllers)+2)
	go func() {
		health := http.NewServeMux()
		health.HandleFunc("/livez", func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprint(answer, "ok") })
		ended <- http.ListenAndServe(":9403", health)
	}()
	certificates := shared.SharedInformerFactory.Certmanager().V1().Certificates().Lister()
	shared.Metrics.SetupCertificateCollector(certificates)
	listener, err := net.Listen("tcp", ":9402")
	if err != nil {
		return err
	}
	go func() { ended <- shared.Metrics.NewServer(listener).Serve(listener) }()
	known := controller.Known()
	for _, name := range controllers {
		one, err := known[name](factory)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		go func() { ended <- one.Run(5, ctx) }()
	}
	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	shared.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	return <-ended
}

func runWebhook(ctx context.Context) error {
	config, err := options.NewWebhookConfiguration()
	if err != nil {
		return err
	}
	set := flags()
	options.AddConfigFlags(set, config)
	set.Parse(os.Args[1:])
	server, err := internalwebhook.NewCertManagerWebhookServer(logf.Log, *config)
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

func runCAInjector(ctx context.Context) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kubernetes.AddToScheme, cmapi.AddToScheme, apiextensions.AddToScheme, apiregistration.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	manager, err := ctrl.NewManager(util.RestConfigWithUserAgent(config, "cainjector"), ctrl.Options{
		Scheme:  scheme,
		Metrics: metrics.Options{BindAddress: ":9402"},
		Client:  client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
	})
	if err != nil {
		return err
	}
	err = cainjector.RegisterAllInjectors(ctx, manager, cainjector.SetupOptions{
		EnableCertificatesDataSource: true,
		EnabledReconcilersFor: map[string]bool{
			cainjector.MutatingWebhookConfigurationName:   true,
			cainjector.ValidatingWebhookConfigurationName: true,
			cainjector.APIServiceName:                     true,
			cainjector.CustomResourceDefinitionName:       true,
		},
	})
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}

// checkAPI waits until a certificate can be asked for: the definitions are there, and the webhook answers.
func checkAPI(ctx context.Context) error {
	set := flags()
	wait := set.Duration("wait", 0, "")
	set.Parse(os.Args[1:])
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	namespace, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
	if err != nil {
		return err
	}
	checker, err := cmapichecker.New(config, string(namespace))
	if err != nil {
		return err
	}
	for end := time.Now().Add(*wait); ; time.Sleep(5 * time.Second) {
		err := checker.Check(ctx)
		if err == nil || time.Now().After(end) {
			return err
		}
		log.Print(err)
	}
}

func main() {
	roles := map[string]func(context.Context) error{
		"controller": runController, "webhook": runWebhook, "cainjector": runCAInjector, "startupapicheck": checkAPI,
	}
	ctrl.SetLogger(logf.Log)
	run, known := roles[filepath.Base(os.Args[0])]
	if !known {
		log.Fatalf("%s is no program of cert-manager", os.Args[0])
	}
	if err := run(logf.NewContext(ctrl.SetupSignalHandler(), logf.Log)); err != nil {
		log.Fatal(err)
	}
}
