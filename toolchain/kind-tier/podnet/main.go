// podnet is the pod network of the node image that is built here (kindnetd is published as an image only). On each node
// it keeps three things as the API server tells: the CNI configuration with the node's own range of addresses, a route
// to the range of every other node, and the masquerading of what leaves the pod network.
//
// It enforces no NetworkPolicy.
//
// Environment: NODE_NAME, POD_SUBNET, and CONTROL_PLANE_ENDPOINT (host:port of the API server), which kind adds.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// The kubelet reports the node as ready as soon as this file is there.
const cniFile = "/etc/cni/net.d/10-podnet.conflist"

type object = map[string]any

// cniConfiguration gives every pod a point-to-point link and an address of the node's range.
func cniConfiguration(podRange string) ([]byte, error) {
	return json.MarshalIndent(object{
		"cniVersion": "0.3.1",
		"name":       "podnet",
		"plugins": []object{
			{
				"type":   "ptp",
				"ipMasq": false,
				"ipam": object{
					"type": "host-local",
					// In memory: addresses are free again after a restart of the node.
					"dataDir": "/run/podnet",
					"ranges":  [][]object{{{"subnet": podRange}}},
					"routes":  []object{{"dst": "0.0.0.0/0"}},
				},
			},
			{"type": "portmap", "capabilities": object{"portMappings": true}},
		},
	}, "", "  ")
}

func iptables(args ...string) error {
	output, err := exec.Command("iptables", append([]string{"-w", "-t", "nat"}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, output)
	}
	return nil
}

func masquerade(podRange, podSubnet string) error {
	rule := []string{"POSTROUTING", "-s", podRange, "!", "-d", podSubnet, "-j", "MASQUERADE"}
	if iptables(append([]string{"-C"}, rule...)...) == nil {
		return nil
	}
	return iptables(append([]string{"-A"}, rule...)...)
}

// writeConfiguration is whole or not at all: the container runtime watches the folder.
func writeConfiguration(podRange string) error {
	wanted, err := cniConfiguration(podRange)
	if err != nil {
		return err
	}
	if present, err := os.ReadFile(cniFile); err == nil && string(present) == string(wanted) {
		return nil
	}
	// The runtime reads *.conf, *.conflist and *.json only.
	temporary := cniFile + ".new"
	if err := os.WriteFile(temporary, wanted, 0o644); err != nil {
		return err
	}
	if err := os.Rename(temporary, cniFile); err != nil {
		return err
	}
	log.Printf("pods of this node get addresses of %s", podRange)
	return nil
}

func internalAddress(node corev1.Node) net.IP {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			if ip := net.ParseIP(address.Address).To4(); ip != nil {
				return ip
			}
		}
	}
	return nil
}

func routeTo(node corev1.Node) error {
	_, podRange, err := net.ParseCIDR(node.Spec.PodCIDR)
	gateway := internalAddress(node)
	if err != nil || gateway == nil {
		return err
	}
	if err := netlink.RouteReplace(&netlink.Route{Dst: podRange, Gw: gateway}); err != nil {
		return fmt.Errorf("route to the pods of %s: %w", node.Name, err)
	}
	return nil
}

func reconcile(ctx context.Context, client kubernetes.Interface, self, podSubnet string) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	var failures []error
	for _, node := range nodes.Items {
		switch {
		case node.Spec.PodCIDR == "": // not given yet
		case node.Name == self:
			failures = append(failures, masquerade(node.Spec.PodCIDR, podSubnet), writeConfiguration(node.Spec.PodCIDR))
		default:
			failures = append(failures, routeTo(node))
		}
	}
	return errors.Join(failures...)
}

// serviceRules tells whether kube-proxy has written its rules. A pod that starts earlier hangs for 30 s in its first
// connection to a Service. (kube-proxy's own health endpoint answers before the rules are there.)
func serviceRules() bool {
	rules, err := exec.Command("iptables", "-w", "-t", "nat", "-S", "KUBE-SERVICES").Output()
	return err == nil && strings.Contains(string(rules), "default/kubernetes:https")
}

func main() {
	for !serviceRules() {
		time.Sleep(200 * time.Millisecond)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		log.Fatal(err)
	}
	if endpoint := os.Getenv("CONTROL_PLANE_ENDPOINT"); endpoint != "" {
		config.Host = "https://" + strings.TrimPrefix(endpoint, "https://")
	}
	config.Timeout = 10 * time.Second
	client := kubernetes.NewForConfigOrDie(config)
	for {
		pause := 5 * time.Second
		if err := reconcile(context.Background(), client, os.Getenv("NODE_NAME"), os.Getenv("POD_SUBNET")); err != nil {
			log.Print(err)
			pause = time.Second
		}
		time.Sleep(pause)
	}
}
