#include "net/detail/dns_cache.hpp"

#include <algorithm>

namespace pricewire::net::detail {

const LookupResult* DnsCache::find(const std::string& host, MonoTime now) {
    const auto found = by_host_.find(host);
    if (found == by_host_.end()) return nullptr;
    if (found->second->until > now) return &found->second->result;
    erase(found->second);
    return nullptr;
}

void DnsCache::put(const std::string& host, LookupResult result, Duration ttl, MonoTime now) {
    if (const auto found = by_host_.find(host); found != by_host_.end()) erase(found->second);
    if (max_entries_ == 0) return;
    if (by_host_.size() >= max_entries_) erase(entries_.begin());
    const Duration kept = result ? std::clamp(ttl, min_ttl, max_ttl) : failure_ttl;
    entries_.push_back({host, std::move(result), now + kept});
    by_host_.emplace(entries_.back().host, std::prev(entries_.end()));
}

void DnsCache::erase(std::list<Entry>::iterator at) {
    by_host_.erase(at->host);
    entries_.erase(at);
}

}  // namespace pricewire::net::detail
