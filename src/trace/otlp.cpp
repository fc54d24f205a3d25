#include "trace/otlp.hpp"

#include <chrono>

#include "base/crypto.hpp"
#include "base/json_writer.hpp"

namespace pricewire::trace {
namespace {

constexpr int status_error = 2;

std::string nanoseconds(Timestamp time) {
    return std::to_string(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

void write(JsonWriter& w, const std::string& value) {
    w.field("stringValue", value);
}
void write(JsonWriter& w, std::int64_t value) {
    w.field("intValue", std::to_string(value));
}
void write(JsonWriter& w, bool value) {
    w.field("boolValue", value);
}

template <typename T>
void write_attribute(JsonWriter& w, std::string_view key, const T& value) {
    w.begin_object().field("key", key).key("value").begin_object();
    write(w, value);
    w.end_object().end_object();
}

void write_span(JsonWriter& w, const Span& span) {
    w.begin_object().field("traceId", span.context.trace_id).field("spanId", span.context.span_id);
    if (!span.parent_id.empty()) w.field("parentSpanId", span.parent_id);
    w.field("name", span.name).field("kind", static_cast<int>(span.kind));
    w.field("startTimeUnixNano", nanoseconds(span.start)).field("endTimeUnixNano", nanoseconds(span.end));
    w.key("attributes").begin_array();
    for (const auto& [key, value] : span.attributes)
        std::visit([&](const auto& v) { write_attribute(w, key, v); }, value);
    w.end_array();
    if (!span.error.empty()) {
        w.key("status").begin_object().field("code", status_error).field("message", span.error).end_object();
    }
    w.end_object();
}

}  // namespace

std::string span_id_of(const Uuid& delivery, std::string_view name) {
    const Sha256 hash = sha256(delivery.to_string() + "/" + std::string(name));
    return hex_encode(std::span(hash).first(8));
}

std::string otlp_json(std::span<const Span> spans, const Service& service) {
    JsonWriter w;
    w.begin_object().key("resourceSpans").begin_array().begin_object();
    w.key("resource").begin_object().key("attributes").begin_array();
    write_attribute(w, "service.name", service.name);
    write_attribute(w, "service.version", service.version);
    write_attribute(w, "service.instance.id", service.instance);
    w.end_array().end_object();
    w.key("scopeSpans").begin_array().begin_object();
    w.key("scope").begin_object().field("name", "pricewire").end_object();
    w.key("spans").begin_array();
    for (const Span& span : spans) write_span(w, span);
    w.end_array().end_object().end_array().end_object().end_array().end_object();
    return std::move(w).str();
}

}  // namespace pricewire::trace
