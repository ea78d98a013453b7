#!/bin/sh
# $1 INSTANCE or GROUP, $2 its name, $3 the state, $4 the priority
logger -t keepalived "$2 is $3"
