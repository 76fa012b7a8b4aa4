// Made by: go test ./server -run TestStateGolden -update
import type { ProcessorPhase, StateAnswer } from '../src/state.ts';

type Complete<T> = T extends object ? { [K in keyof T]-?: Complete<T[K]> } : T;

// An answer with every member that there is.
export const answer = {
  "state": {
    "namespace": "default",
    "path": "/x",
    "createdAt": "2025-03-01T12:00:00.000000000Z",
    "incarnationId": "i",
    "metadata": {
      "title": "t"
    },
    "config": {
      "presence": "log"
    },
    "eventCount": 9,
    "maxOffset": 9,
    "childPaths": [
      "/x/y"
    ],
    "paused": true,
    "pauseReason": "r",
    "connections": {
      "k": {
        "direction": "outbound",
        "subscriber": "s",
        "processor": {
          "slug": "p",
          "version": "1",
          "consumes": [
            "a"
          ],
          "emits": [
            "b"
          ]
        },
        "connectedAt": "2025-03-01T12:00:00Z"
      }
    },
    "subscriptions": {
      "k": {
        "processor": "p",
        "configuredAt": 4,
        "anchor": 3
      }
    },
    "processors": {
      "p": {
        "slug": "p",
        "version": "1",
        "consumes": [
          "a"
        ],
        "emits": [
          "b"
        ]
      }
    }
  },
  "runtime": {
    "connections": {
      "k": {
        "direction": "inbound",
        "subscriber": "s",
        "processor": {
          "slug": "p",
          "version": "1",
          "consumes": [
            "a"
          ],
          "emits": [
            "b"
          ]
        },
        "startedAt": "2025-03-01T12:00:00Z",
        "cursor": 9,
        "batches": 2,
        "events": 7,
        "lastDelivery": "2025-03-01T12:00:00Z"
      }
    },
    "processors": {
      "k": {
        "processor": {
          "slug": "p",
          "version": "1"
        },
        "phase": "live",
        "generation": 2,
        "anchor": 3,
        "offset": 8,
        "checkpoint": 7,
        "lag": 1,
        "failures": 1,
        "lastError": "e",
        "failedAt": "2025-03-01T12:00:00Z",
        "busySince": "2025-03-01T12:00:00Z",
        "background": 1
      }
    }
  }
} satisfies Complete<StateAnswer>;

export const phases = ["starting","catching-up","live","backing-off","failed","stopping","unregistered"] as const;
export const allPhases: (typeof phases)[number] = '' as ProcessorPhase;
export const onlyPhases: ProcessorPhase = '' as (typeof phases)[number];
