#pragma once

#include <algorithm>
#include <cstddef>

namespace pricewire::deliver {

// Places that many share and that none of them can fill alone: who holds `mine` may take one more while that
// is less than three times what is free. One alone has three quarters, and n that want all they can get tend to
// 3/(3n + 1) each. Source: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
// switches", 1998. Those who came one after the other would leave nothing until one gives back: the last
// thirty-second is only for those who hold none.
class SharedRoom {
public:
    explicit SharedRoom(std::size_t size) : size_(std::max<std::size_t>(size, 1)) {}

    std::size_t taken() const { return taken_; }
    std::size_t free() const { return size_ - std::min(size_, taken_); }
    bool has(std::size_t mine) const { return mine < 3 * free() && (mine == 0 || free() > size_ / 32); }
    void take(std::size_t n = 1) { taken_ += n; }
    void give_back(std::size_t n = 1) { taken_ -= n; }

private:
    std::size_t size_;
    std::size_t taken_ = 0;
};

}  // namespace pricewire::deliver
