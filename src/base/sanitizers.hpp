#pragma once

// Clang says by __has_feature what is built in, GCC by macros.
#ifdef __has_feature
#define PRICEWIRE_HAS_FEATURE(name) __has_feature(name)
#else
#define PRICEWIRE_HAS_FEATURE(name) 0
#endif

namespace pricewire::inline base {

#if defined(__SANITIZE_ADDRESS__) || PRICEWIRE_HAS_FEATURE(address_sanitizer)
inline constexpr bool has_address_sanitizer = true;  // UBSan is built in with it
#else
inline constexpr bool has_address_sanitizer = false;
#endif

#if defined(__SANITIZE_THREAD__) || PRICEWIRE_HAS_FEATURE(thread_sanitizer)
inline constexpr bool has_thread_sanitizer = true;
#else
inline constexpr bool has_thread_sanitizer = false;
#endif

// Both reserve terabytes of address space, handle signals themselves and need larger stacks.
inline constexpr bool is_sanitized = has_address_sanitizer || has_thread_sanitizer;

}  // namespace pricewire::inline base

#undef PRICEWIRE_HAS_FEATURE
