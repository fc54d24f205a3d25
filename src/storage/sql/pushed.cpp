#include "storage/sql/pushed.hpp"

#include <algorithm>
#include <string>

#include "base/crypto.hpp"

namespace pricewire::storage::sql {

Uuid push_delivery_id(const Uuid& delivery_id, const Uuid& subscription_id) {
    std::string both(delivery_id.bytes.begin(), delivery_id.bytes.end());
    both.append(subscription_id.bytes.begin(), subscription_id.bytes.end());
    const Sha256 hash = sha256(both);
    Uuid out = delivery_id;
    std::copy_n(hash.begin(), 8, out.bytes.begin() + 8);
    return out;
}

}  // namespace pricewire::storage::sql
