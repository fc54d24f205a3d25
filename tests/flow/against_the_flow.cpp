// price stands before alert: this must not compile.
#include "alert/matcher.hpp"
