// What price names, it sees: this must compile.
#include "base/decimal.hpp"
#include "domain/market.hpp"
#include "price/consolidator.hpp"
