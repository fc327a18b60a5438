// kbot stands in for the demo application: it sends what an instrumented application sends, a span, a log record and a
// counter at a time, by OTLP over HTTP as JSON, and serves a page of metrics. It says nothing of where it runs: the namespace
// and the pod are the collector's to find out.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync/atomic"
	"time"
)

const collector = "http://otel-collector.monitoring.svc:4318"

type object = map[string]any
type list = []any

func attribute(key, value string) object {
	return object{"key": key, "value": object{"stringValue": value}}
}

func id(bytes int) string {
	random := make([]byte, bytes)
	rand.Read(random)
	return hex.EncodeToString(random)
}

func nanoseconds(at time.Time) string {
	return fmt.Sprint(at.UnixNano())
}

func send(signal string, body object) {
	text, err := json.Marshal(body)
	if err != nil {
		log.Fatal(err)
	}
	response, err := http.Post(collector+"/v1/"+signal, "application/json", bytes.NewReader(text))
	if err != nil {
		log.Print(err)
		return
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		log.Printf("%s: %s: %s", signal, response.Status, answer)
	}
}

func main() {
	var commands atomic.Int64
	http.HandleFunc("/metrics", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprintf(answer, "# TYPE kbot_commands_total counter\nkbot_commands_total{command=\"hello\"} %d\n", commands.Load())
	})
	go func() { log.Fatal(http.ListenAndServe(":8080", nil)) }()

	started := time.Now()
	resource := object{"attributes": list{attribute("service.name", "kbot")}}
	scope := object{"name": "kbot-stand-in"}
	http.DefaultClient.Timeout = 5 * time.Second
	for ; ; time.Sleep(2 * time.Second) {
		count := commands.Add(1)
		trace, span, now := id(16), id(8), time.Now()
		send("traces", object{"resourceSpans": list{object{"resource": resource, "scopeSpans": list{object{"scope": scope, "spans": list{object{
			"traceId": trace, "spanId": span, "name": "command hello", "kind": 2,
			"startTimeUnixNano": nanoseconds(now.Add(-50 * time.Millisecond)), "endTimeUnixNano": nanoseconds(now),
		}}}}}}})
		send("logs", object{"resourceLogs": list{object{"resource": resource, "scopeLogs": list{object{"scope": scope, "logRecords": list{object{
			"timeUnixNano": nanoseconds(now), "observedTimeUnixNano": nanoseconds(now), "severityNumber": 9, "severityText": "INFO",
			"body": object{"stringValue": fmt.Sprintf("command hello %d", count)}, "traceId": trace, "spanId": span,
		}}}}}}})
		send("metrics", object{"resourceMetrics": list{object{"resource": resource, "scopeMetrics": list{object{"scope": scope, "metrics": list{object{
			"name": "kbot.messages", "sum": object{"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": list{object{
				"startTimeUnixNano": nanoseconds(started), "timeUnixNano": nanoseconds(now), "asInt": fmt.Sprint(count),
			}}},
		}}}}}}})
		// A container's own log, as a log agent would read it.
		fmt.Printf("{\"level\":\"info\",\"message\":\"command hello %d\",\"trace_id\":%q}\n", count, trace)
	}
}
