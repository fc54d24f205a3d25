#pragma once

// The deleter for std::unique_ptr to OpenSSL's objects.
namespace pricewire::inline base::detail {

template <auto Free>
struct Freeing {
    template <typename T>
    void operator()(T* p) const {
        Free(p);
    }
};

}  // namespace pricewire::inline base::detail
