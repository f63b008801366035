#include "sandbox/keeper.h"
