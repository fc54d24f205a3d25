#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/uuid.hpp"

namespace pricewire::trace {

// Which span of which trace.
struct SpanContext {
    std::string trace_id;  // 32 hexadecimal digits in lower case
    std::string span_id;   // 16
};

// A piece of work with its beginning and end. Source: OpenTelemetry, Tracing API
// (https://opentelemetry.io/docs/specs/otel/trace/api/#span).
struct Span {
    // The values of OTLP's SpanKind.
    enum class Kind : std::uint8_t { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };

    SpanContext context;
    std::string parent_id;  // a span of the same trace; empty: none
    std::string name;
    Kind kind = Kind::internal;
    Timestamp start;
    Timestamp end;  // not before start
    std::vector<std::pair<std::string, std::variant<std::string, std::int64_t, bool>>> attributes;
    std::string error;  // why the work failed; empty if it did not
};

// The id of the span with that name in the work on a delivery: the same in every process, so that the span of one can be
// the parent of another's.
std::string span_id_of(const Uuid& delivery, std::string_view name);

}  // namespace pricewire::trace
