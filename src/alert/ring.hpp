#pragma once

#include <compare>
#include <cstddef>
#include <iterator>
#include <vector>

namespace pricewire::alert {

// A queue in one piece of memory, whose last elements may be removed too, and between which another may be inserted. While it
// stays as long as it is, it takes no memory and moves nothing. For what is kept of each of the last prices. Pure; owned by
// one thread.
template <typename T>
class Ring {
public:
    // Valid until elements in front are removed.
    class Iterator {
    public:
        using iterator_category = std::random_access_iterator_tag;
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using pointer = const T*;
        using reference = const T&;

        Iterator() = default;
        Iterator(const Ring* ring, std::size_t index) : ring_(ring), index_(index) {}

        const T& operator*() const { return (*ring_)[index_]; }
        const T* operator->() const { return &**this; }
        const T& operator[](std::ptrdiff_t n) const { return *(*this + n); }
        Iterator& operator+=(std::ptrdiff_t n) {
            index_ += static_cast<std::size_t>(n);
            return *this;
        }
        Iterator& operator-=(std::ptrdiff_t n) { return *this += -n; }
        Iterator& operator++() { return *this += 1; }
        Iterator& operator--() { return *this -= 1; }
        Iterator operator++(int) {
            const Iterator before = *this;
            *this += 1;
            return before;
        }
        Iterator operator--(int) {
            const Iterator before = *this;
            *this -= 1;
            return before;
        }
        friend Iterator operator+(Iterator at, std::ptrdiff_t n) { return at += n; }
        friend Iterator operator+(std::ptrdiff_t n, Iterator at) { return at += n; }
        friend Iterator operator-(Iterator at, std::ptrdiff_t n) { return at -= n; }
        friend std::ptrdiff_t operator-(const Iterator& a, const Iterator& b) {
            return static_cast<std::ptrdiff_t>(a.index_) - static_cast<std::ptrdiff_t>(b.index_);
        }
        friend bool operator==(const Iterator& a, const Iterator& b) { return a.index_ == b.index_; }
        friend auto operator<=>(const Iterator& a, const Iterator& b) { return a.index_ <=> b.index_; }

    private:
        const Ring* ring_ = nullptr;
        std::size_t index_ = 0;
    };

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    const T& operator[](std::size_t i) const { return slots_[(first_ + i) & (slots_.size() - 1)]; }
    T& operator[](std::size_t i) { return slots_[(first_ + i) & (slots_.size() - 1)]; }
    // There is one.
    const T& front() const { return (*this)[0]; }
    const T& back() const { return (*this)[size_ - 1]; }

    void push_back(const T& element) { add() = element; }
    // The new last one, to be set: what is in it is of no meaning.
    T& add() {
        if (size_ == slots_.size()) move_to(size_ == 0 ? least : 2 * size_);
        return (*this)[size_++];
    }
    void pop_back() { --size_; }
    // Before the one that is there; costs what is behind it.
    void insert(std::size_t at, const T& element) {
        push_back(element);
        for (std::size_t i = size_ - 1; i > at; --i) (*this)[i] = (*this)[i - 1];
        (*this)[at] = element;
    }
    // So many; there are.
    void pop_front(std::size_t count = 1) {
        if (count == 0) return;
        first_ = (first_ + count) & (slots_.size() - 1);
        size_ -= count;
        if (slots_.size() > least && size_ < slots_.size() / 4) move_to(slots_.size() / 2);
    }

    Iterator begin() const { return {this, 0}; }
    Iterator end() const { return {this, size_}; }
    auto rbegin() const { return std::reverse_iterator(end()); }
    auto rend() const { return std::reverse_iterator(begin()); }

private:
    static constexpr std::size_t least = 64;

    void move_to(std::size_t room) {
        std::vector<T> slots(room);
        for (std::size_t i = 0; i < size_; ++i) slots[i] = (*this)[i];
        slots_.swap(slots);
        first_ = 0;
    }

    std::vector<T> slots_;  // a power of two, or none
    std::size_t first_ = 0, size_ = 0;
};

}  // namespace pricewire::alert
