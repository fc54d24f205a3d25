#pragma once

#include <string_view>

// openapi.yaml, embedded at build time (cmake/tools/openapi_main.cpp). Static storage.
namespace pricewire::api {

std::string_view embedded_openapi_json();
// The content of <main>: a plain HTML reference.
std::string_view embedded_openapi_html();

}  // namespace pricewire::api
