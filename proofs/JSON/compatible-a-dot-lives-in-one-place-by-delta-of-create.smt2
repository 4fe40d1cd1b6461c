; JSON: compatible a dot lives in one place by delta of create
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
