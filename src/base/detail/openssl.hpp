#pragma once

// For std::unique_ptr over OpenSSL's objects: frees with the function that belongs to them.
namespace pricewire::inline base::detail {

template <auto Free>
struct Freeing {
    template <typename T>
    void operator()(T* p) const {
        Free(p);
    }
};

}  // namespace pricewire::inline base::detail
