#pragma once

#include <string_view>

// What openapi.yaml becomes at build time (src/api/tools). Both live as long as the program.
namespace pricewire::api {

std::string_view embedded_openapi_json();
// The inside of <main>: a reference for people.
std::string_view embedded_openapi_html();

}  // namespace pricewire::api
