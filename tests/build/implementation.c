/* The one file of a larger program that carries the implementation. */
#define LOCUST_IMPLEMENTATION
#include "locust.h"
