#include "determinism/futexes.h"
