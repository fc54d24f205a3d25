#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.hpp"

// What ties requests, log lines and webhooks of one cause together. Source: W3C Trace Context, level 1
// (https://www.w3.org/TR/trace-context/).
namespace pricewire::inline base {

struct TraceContext {
    std::string id;  // the trace-id: 32 hexadecimal digits in lower case, not all zero
    bool sampled = false;
    std::string state;  // tracestate, to be handed on as it came; may be empty
    friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// tracestate beyond this is cut, by whole members.
constexpr std::size_t max_trace_state = 512;

// Of the headers `traceparent` and `tracestate` (several of the latter joined by commas). nullopt where
// traceparent is none that may be used; a tracestate that is none is left out.
std::optional<TraceContext> parse_trace_context(std::string_view traceparent, std::string_view tracestate);

// A trace that begins here. Not sampled: the flag says that the caller may have recorded spans, and Pricewire
// records none (section 3.2.2.5.1: "set to 0 as the default option when the trace is initiated by this
// component").
TraceContext make_trace();
// One that is named by an id of ours, so that it is the same wherever that is known.
TraceContext trace_named(const Uuid& id);

// The header `traceparent` for one request of the trace, with a parent-id of its own.
std::string make_traceparent(const TraceContext& trace);

// For keeping it as one text: "ID-FLAGS" or "ID-FLAGS STATE". parse gives nullopt where it is none.
std::string to_text(const TraceContext& trace);
std::optional<TraceContext> parse_trace_text(std::string_view text);

}  // namespace pricewire::inline base
