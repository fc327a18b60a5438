# What becomes of a line, an entry of the journal, an event of the audit log: the fields that any log agent gives it, and **** for what may not
# leave the node. What stands in capitals is written in front of this (records.ts).
require "json"
require "securerandom"
require "time"

module Observability
  CRI = /\A(\S+) (stdout|stderr) ([FP])(?::\S+)? (.*)\z/mn
  POD = %r{/([^_/]+)_([^_/]+)_([^_/]+)/([^/]+)/[^/]+\z}n
  # Of a line that the runtime has split; the rest is left out.
  LONGEST = 2 * 1024 * 1024
  WAITING = 1000
  WHOLE = (-(2**63)..(2**64 - 1)).freeze

  module_function

  def valid(text)
    text = text.dup.force_encoding(Encoding::UTF_8) unless text.encoding == Encoding::UTF_8
    text.valid_encoding? ? text : text.scrub("\uFFFD")
  end

  def masked(text)
    EXPRESSIONS.reduce(text) { |now, expression| now.gsub(expression, MASK) }
  end

  # Without secrets, and without what no store could be sent: broken characters, and numbers that JSON or MessagePack have no room for.
  def clean(value, name = nil)
    return MASK if name && HIDDEN.include?(name.downcase(:ascii))
    case value
    when Hash then value.each_with_object({}) { |(key, of), all| all[valid(key)] = clean(of, valid(key)) }
    when Array then value.map { |of| clean(of) }
    when String then masked(valid(value))
    when nil then nil
    else
      text = value.to_s
      now = masked(text)
      return now if now != text
      kept = value.is_a?(Integer) ? WHOLE.cover?(value) : !value.is_a?(Float) || value.finite?
      kept ? value : text
    end
  end

  def parsed(text)
    return nil unless text.match?(/\A\s*\{/)
    fields = JSON.parse(text, allow_duplicate_key: true)
    fields.is_a?(Hash) ? fields : nil
  rescue JSON::ParserError
    nil
  end

  def utc(time)
    return time if time.is_a?(String) && time.match?(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\z/)
    time = time.is_a?(String) ? Time.iso8601(time) : time
    time.getutc.iso8601(9)
  rescue ArgumentError
    Time.now.utc.iso8601(9)
  end

  # `id`: a store that has the record already does not take it again.
  def said(time, kubernetes)
    own = { "@timestamp" => utc(time), "kubernetes" => kubernetes.merge("id" => SecureRandom.urlsafe_base64(12)) }
    yield.merge(own)
  rescue StandardError
    # It would go on as it came.
    { TEXT_FIELD => MASK }.merge(own)
  end

  def line(time, path, text)
    namespace, pod, uid, container = POD.match(path)&.captures&.map { |name| valid(name) }
    kubernetes = { "namespace_name" => namespace, "pod_name" => pod, "pod_id" => uid, "container_name" => container }
    said(time, kubernetes.merge("host" => NODE).compact) do
      text = valid(text)
      clean((parsed(text) || { TEXT_FIELD => text }).reject { |name, _| DROPPED.include?(name) })
    end
  end

  # Of several places of a field the last that is there counts; of a list the first.
  def shaped(record, fields)
    fields.each_with_object({}) do |(name, place), all|
      value = place.reduce(record) do |of, key|
        of.is_a?(Hash) || (of.is_a?(Array) && key.is_a?(Integer)) ? of[key] : nil
      end
      value = value.first if value.is_a?(Array)
      all[name] = value unless value.nil? || value == "" || value.is_a?(Hash)
    end
  end

  def of_node
    NODE.nil? ? {} : { "host" => NODE }
  end

  def journal(time, entry)
    said(time, of_node) do
      entry = clean(entry)
      level = PRIORITIES[Integer(entry["PRIORITY"], exception: false) || 6]
      shaped(entry, JOURNAL_FIELDS).merge("level" => level || "info")
    end
  end

  def audit(time, text)
    event = parsed(valid(text)) || {}
    said(event["stageTimestamp"].is_a?(String) ? event["stageTimestamp"] : time, of_node) do
      fields = shaped(clean(event), AUDIT_FIELDS)
      code = fields["code"].to_i
      level = code >= 500 ? "error" : code >= 400 ? "warn" : "info"
      fields.merge("level" => level, "message" => "#{fields["verb"]} #{fields["uri"]}")
    end
  end

  # For a store that makes streams of labels.
  def labelled(record, job, cluster)
    kubernetes = record["kubernetes"] || {}
    labels = LABELS.fetch(job).transform_values { |name| kubernetes[name] }.compact
    labels["cluster"] = cluster if cluster
    record.reject { |name, _| name == "kubernetes" }.merge("job" => job, **labels)
  end

  # Puts together what the runtime has split.
  class Lines
    def initialize
      @begun = {}
    end

    # Nothing of a line that goes on.
    def read(time, path, raw)
      raw = raw.b
      whole, at, stream, flag, text = *CRI.match(raw)
      return Observability.line(time, path, raw) if whole.nil?
      from = "#{File.dirname(path)} #{stream}"
      begun = @begun.delete(from)
      text = begun.last + text.byteslice(0, LONGEST - begun.last.bytesize) if begun
      return Observability.line(at, path, text) if flag == "F"
      @begun[from] = [at, path, stream, text]
      @begun.shift if @begun.size > WAITING
      nil
    end

    # What has begun, as lines of their own: each with its file.
    def rest
      @begun.values.map { |at, path, stream, text| [path, "#{at} #{stream} F #{text}"] }.tap { @begun.clear }
    end
  end
end
