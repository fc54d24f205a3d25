#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.hpp"

// Connects the requests, log lines and webhooks that have one cause. Source: W3C Trace Context, level 1
// (https://www.w3.org/TR/trace-context/).
namespace pricewire::inline base {

struct TraceContext {
    std::string id;  // the trace-id: 32 hexadecimal digits in lower case, not all zero
    bool sampled = false;
    std::string state;  // tracestate, passed on unchanged; may be empty
    friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// A longer tracestate is cut after a whole member.
constexpr std::size_t max_trace_state = 512;

// From the headers `traceparent` and `tracestate` (several of the latter joined by commas). nullopt if
// traceparent is not valid; a tracestate that is not valid is left out.
std::optional<TraceContext> parse_trace_context(std::string_view traceparent, std::string_view tracestate);

// A new trace. Not sampled, since it is not known yet whether spans of it will be recorded (section 3.2.2.5.1: "set to 0 as
// the default option when the trace is initiated by this component").
TraceContext make_trace();
// The trace named after an id of ours, and so the same wherever that id is known.
TraceContext trace_named(const Uuid& id);

// The header `traceparent` for one request of the trace; `parent_id` has 16 hexadecimal digits in lower case.
std::string make_traceparent(const TraceContext& trace, std::string_view parent_id);

// As one text, for storage: "ID-FLAGS" or "ID-FLAGS STATE". Parsing returns nullopt if it is not valid.
std::string to_text(const TraceContext& trace);
std::optional<TraceContext> parse_trace_text(std::string_view text);

}  // namespace pricewire::inline base
