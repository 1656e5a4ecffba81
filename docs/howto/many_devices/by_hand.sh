#!/bin/bash
# Trains as one host of several. Start it on every host, each with its own number:
#
#     HOSTS=host-a:12345,host-b:12345 INDEX=0 bash by_hand.sh --recipe=paper --data=data/mpii
#     HOSTS=host-a:12345,host-b:12345 INDEX=1 bash by_hand.sh --recipe=paper --data=data/mpii
#
# HOSTS is the same everywhere; the first is the chief. Further arguments are flags of bin/train.py.
set -eu
workers=$(echo "$HOSTS" | sed 's/,/", "/g')
export TF_CONFIG="{\"cluster\": {\"worker\": [\"$workers\"]},
                   \"task\": {\"type\": \"worker\", \"index\": $INDEX}}"
exec python bin/train.py --distribute=multiworker "$@"
