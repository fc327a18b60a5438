// Command victorialogs is a stand-in for Loki: VictoriaLogs, with the paths of Loki that clients of the environment write to
// and ask, and with Loki's rule about entries that are too old for their stream. It is composed of the packages of
// VictoriaLogs as its own program is.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/VictoriaLogs/app/vlinsert"
	"github.com/VictoriaMetrics/VictoriaLogs/app/vlinsert/insertutil"
	"github.com/VictoriaMetrics/VictoriaLogs/app/vlselect"
	"github.com/VictoriaMetrics/VictoriaLogs/app/vlstorage"
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/buildinfo"
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/envflag"
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/httpserver"
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/logger"
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/procutil"
)

var (
	listen = flag.String("httpListenAddr", ":3100", "Address to listen at")
	// Loki's limits_config.ingestion_burst_size_mb, 6 by default: a larger push is refused for good.
	burst = flag.Int("loki.burst", 6<<20, "How many bytes of a request for OTLP records are taken at once")
)

func main() {
	envflag.Parse()
	buildinfo.Init()
	logger.Init()
	vlstorage.Init()
	vlselect.Init()
	insertutil.SetLogRowsStorage(&vlstorage.Storage{})
	vlinsert.Init()
	addresses := []string{*listen}
	go httpserver.Serve(addresses, handle, httpserver.ServeOptions{})
	procutil.WaitForSigterm()
	if err := httpserver.Stop(addresses); err != nil {
		logger.Fatalf("cannot stop: %s", err)
	}
	vlinsert.Stop()
	vlselect.Stop()
	vlstorage.Stop()
}

func handle(w http.ResponseWriter, r *http.Request) bool {
	switch r.URL.Path {
	case "/ready":
		fmt.Fprintln(w, "ready")
		return true
	case "/loki/api/v1/push":
		r.URL.Path = "/insert/loki/api/v1/push"
	case "/otlp/v1/logs":
		receive(w, r)
		return true
	case "/loki/api/v1/query_range":
		answer(w, r)
		return true
	}
	return vlinsert.RequestHandler(w, r) || vlselect.RequestHandler(w, r) || vlstorage.RequestHandler(w, r)
}

// indexed are the resource attributes that Loki makes labels of a stream by default; it writes a dot as a _.
var indexed = []string{
	"cloud.availability_zone", "cloud.region", "container.name", "deployment.environment", "deployment.environment.name",
	"k8s.cluster.name", "k8s.container.name", "k8s.cronjob.name", "k8s.daemonset.name", "k8s.deployment.name",
	"k8s.job.name", "k8s.namespace.name", "k8s.pod.name", "k8s.replicaset.name", "k8s.statefulset.name",
	"service.instance.id", "service.name", "service.namespace",
}

// receive takes OTLP's records, of as many bytes as Loki takes at once.
func receive(w http.ResponseWriter, r *http.Request) {
	reader := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reader = unzipped
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(body) > *burst {
		http.Error(w, fmt.Sprintf("ingestion rate limit exceeded while adding %d bytes", len(body)), http.StatusTooManyRequests)
		return
	}
	r.URL.Path = "/insert/opentelemetry/v1/logs"
	r.Header.Del("Content-Encoding")
	r.Body = io.NopCloser(bytes.NewReader(body))
	vlinsert.RequestHandler(w, r)
}

var (
	selector = regexp.MustCompile(`^\s*\{([^{}]*)\}`)
	matcher  = regexp.MustCompile(`^\s*,?\s*(\w+)="((?:[^"\\]|\\.)*)"`)
	contains = regexp.MustCompile(`^\s*\|=\s*"((?:[^"\\]|\\.)*)"`)
	filter   = regexp.MustCompile(`^\s*\|\s*(\w+)="((?:[^"\\]|\\.)*)"`)
)

// field asks for a label: of an attribute under the attribute's own name.
func field(label, value string) string {
	names := []string{strconv.Quote(label) + `:="` + value + `"`}
	for _, attribute := range indexed {
		if strings.ReplaceAll(attribute, ".", "_") == label {
			names = append(names, strconv.Quote(attribute)+`:="`+value+`"`)
		}
	}
	return "(" + strings.Join(names, " or ") + ")"
}

// translate makes LogsQL of the LogQL that the environment's own probe asks: equal labels, and lines that contain a text.
func translate(logql string) (string, error) {
	found := selector.FindStringSubmatch(logql)
	if found == nil {
		return "", fmt.Errorf("no selector in %s", logql)
	}
	rest := logql[len(found[0]):]
	var asked []string
	for matchers := found[1]; strings.TrimSpace(matchers) != ""; {
		one := matcher.FindStringSubmatch(matchers)
		if one == nil {
			return "", fmt.Errorf("this stand-in for Loki knows equal labels alone, not %s", matchers)
		}
		asked = append(asked, field(one[1], one[2]))
		matchers = matchers[len(one[0]):]
	}
	for strings.TrimSpace(rest) != "" {
		if one := contains.FindStringSubmatch(rest); one != nil {
			text, err := strconv.Unquote(`"` + one[1] + `"`)
			if err != nil {
				return "", err
			}
			asked = append(asked, "_msg:~"+strconv.Quote(regexp.QuoteMeta(text)))
			rest = rest[len(one[0]):]
		} else if one := filter.FindStringSubmatch(rest); one != nil {
			asked = append(asked, field(one[1], one[2]))
			rest = rest[len(one[0]):]
		} else {
			return "", fmt.Errorf("this stand-in for Loki does not know %s", rest)
		}
	}
	return strings.Join(asked, " "), nil
}

type stream struct {
	Stream map[string]string `json:"stream"`
	Values [][2]string       `json:"values"`
}

// answer answers a query as Loki does, each line in a stream of its own.
func answer(w http.ResponseWriter, r *http.Request) {
	since, limit := r.FormValue("since"), r.FormValue("limit")
	if since == "" {
		since = "1h"
	}
	if limit == "" {
		limit = "100"
	}
	query, err := translate(r.FormValue("query"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	values := url.Values{"query": {"_time:" + since + " " + query}, "limit": {limit}}
	request, _ := http.NewRequestWithContext(r.Context(), "GET", "/select/logsql/query?"+values.Encode(), nil)
	found := httptest.NewRecorder()
	vlselect.RequestHandler(found, request)
	if found.Code >= 300 {
		w.WriteHeader(found.Code)
		w.Write(found.Body.Bytes())
		return
	}
	result := []stream{}
	for decoder := json.NewDecoder(found.Body); decoder.More(); {
		row := map[string]string{}
		if err := decoder.Decode(&row); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		at, _ := time.Parse(time.RFC3339Nano, row["_time"])
		labels := map[string]string{}
		for name, value := range row {
			if !strings.HasPrefix(name, "_") {
				labels[strings.NewReplacer(".", "_", "/", "_", "-", "_").Replace(name)] = value
			}
		}
		result = append(result, stream{labels, [][2]string{{strconv.FormatInt(at.UnixNano(), 10), row["_msg"]}}})
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{
		"status": "success",
		"data":   map[string]any{"resultType": "streams", "result": result},
	})
}
