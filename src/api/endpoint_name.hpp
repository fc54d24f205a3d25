#pragma once

#include <string>
#include <string_view>

namespace pricewire::api {

// "https://example.com:443" of "https://Example.com/hook": what the senders call the endpoint of a URL that
// was accepted for an alert. Empty where the text is no such URL.
std::string endpoint_name(std::string_view webhook_url);

}  // namespace pricewire::api
