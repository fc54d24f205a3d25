#pragma once

#include <span>
#include <string>
#include <string_view>

#include "trace/span.hpp"

namespace pricewire::trace {

// Who made the spans: attributes of their resource.
struct Service {
    std::string name = "pricewire";
    std::string version;
    std::string instance;  // of this process; different for each
};

// The body of one export request. Source: OTLP 1.0 over HTTP with JSON
// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): 64-bit integers are strings, ids hexadecimal.
std::string otlp_json(std::span<const Span> spans, const Service& service);

}  // namespace pricewire::trace
