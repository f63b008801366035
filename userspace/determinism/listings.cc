#include "determinism/listings.h"
