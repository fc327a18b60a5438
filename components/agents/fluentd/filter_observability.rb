# Fluentd's part of records.rb: its filters.
require "fluent/plugin/filter"
require_relative "records"

module Fluent::Plugin
  # Makes the record that any log agent makes, whatever was read: its tag is the job.
  class ObservabilityFilter < Filter
    Fluent::Plugin.register_filter("observability", self)
    helpers :event_emitter

    def initialize
      super
      @lines = Observability::Lines.new
    end

    def filter(tag, time, record)
      time = Time.at(time.to_r)
      case tag
      when "journal" then Observability.journal(time, record)
      when "audit" then Observability.audit(time, record["message"])
      else
        @tag = tag
        @lines.read(time, record["path"], record["message"])
      end
    end

    # What was read already is not read again.
    def shutdown
      @lines.rest.each do |path, text|
        router.emit(@tag, Fluent::EventTime.now, { "path" => path, "message" => text })
      end
      super
    end
  end

  # Says in labels what the record says in `kubernetes`.
  class ObservabilityLabelsFilter < Filter
    Fluent::Plugin.register_filter("observability_labels", self)
    config_param :cluster, :string, default: nil

    def filter(tag, _time, record)
      Observability.labelled(record, tag, @cluster)
    end
  end
end
