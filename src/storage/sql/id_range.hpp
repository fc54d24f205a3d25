#pragma once

#include "base/clock.hpp"
#include "base/uuid.hpp"

// Ids are version 7 and begin with their millisecond, so a range of times is a range of ids. An id is made
// with the clock that gives its row's time and is at most a second ahead of it, when many are made at once
// (make_uuid).
namespace pricewire::storage::sql {

// Not after the id of any row created at or after `since`.
Uuid first_id_since(Timestamp since);
// After the id of every row created before `until`.
Uuid end_id_until(Timestamp until);
// The next id; the greatest one is followed by itself.
Uuid id_after(Uuid id);

}  // namespace pricewire::storage::sql
