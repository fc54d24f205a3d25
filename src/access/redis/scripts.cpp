#include "access/redis/scripts.hpp"

#include "base/text.hpp"

namespace pricewire::access {

const std::string_view get_entry = R"(
local function get_entry(key, evictions)
  local entry = redis.call('GET', key)
  if not entry then return false end
  local generation, id = string.match(entry, '^(%d+) ([%x-]+) ')
  if not generation then return false end
  for _, mark in ipairs({evictions, evictions .. ':' .. id}) do
    local evicted = redis.call('GET', mark)
    if evicted and tonumber(evicted) > tonumber(generation) then return false end
  end
  return entry, id
end
)";

const std::string_view take_tokens = R"(
local function take_tokens(key, count, period, wanted, what)
  count, period, wanted = tonumber(count), tonumber(period), tonumber(wanted)
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local at, whole, part = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
  at, whole, part = tonumber(at) or now, tonumber(whole) or 0, tonumber(part) or 0
  if part >= count or whole > period then whole, part = period, 0 end
  if now > at then
    whole = whole - (now - at)
    if whole < 0 then whole, part = 0, 0 end
  end
  local function plus(tokens)
    local cost = tokens * (period % count) + part
    return whole + tokens * math.floor(period / count) + math.floor(cost / count), cost % count
  end
  local tokens = math.max(wanted, 1)
  local new_whole, new_part = plus(tokens)
  local function fits()
    return new_whole < period or (new_whole == period and new_part == 0)
  end
  while what == 'lease' and tokens > 1 and not fits() do
    tokens = math.floor(tokens / 2)
    new_whole, new_part = plus(tokens)
  end
  local allowed = fits()
  if what == 'spend' and not allowed then new_whole, new_part, allowed = period, 0, true end
  local takes = allowed and wanted > 0
  if takes then whole, part = new_whole, new_part end
  if takes and (whole > 0 or part > 0) then
    redis.call('SET', key, string.format('%.0f %.0f %.0f', now, whole, part),
      'PX', string.format('%.0f', math.ceil((whole + 1) / 1000)))
  end
  return {allowed and tokens or 0, string.format('%.0f', whole), string.format('%.0f', part)}
end
)";

TakenTokens taken_tokens(redis::ReplyView reply) {
    const auto whole = parse_number<std::int64_t>(reply[1].text());
    const auto part = parse_number<std::int64_t>(reply[2].text());
    if (!whole || !part || *whole < 0 || *part < 0)
        throw redis::RedisError("Redis returned an unexpected reply to a rate limit");
    return {static_cast<std::uint32_t>(reply[0].integer()), {*whole, *part}};
}

}  // namespace pricewire::access
